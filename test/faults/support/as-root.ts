import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Scene } from "./fault.ts";

/** Why nothing can be mounted here; null: it can. */
export function mountObstacle(): string | null {
  if (process.platform !== "linux") return "mounts a tmpfs, which needs Linux";
  if (process.getuid?.() !== 0) return "mounts a tmpfs, which needs root";
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return null;
  } catch {
    return "mounts a tmpfs, which this machine does not let root do (a container?)";
  }
}

/** Mounts a tmpfs of `megabytes` in the scene's folder, unmounted with the scene; returns its path. */
export function mountDisk(scene: Scene, megabytes: number): string {
  const path = scene.path("disk");
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "milepost-fault", path]);
  // Lazily: a process of the scene may still have it open.
  scene.afterwards(() => execFileSync("umount", ["--lazy", path]));
  return path;
}

export function remount(path: string, how: "ro" | "rw"): void {
  execFileSync("mount", ["-o", `remount,${how}`, path]);
}
