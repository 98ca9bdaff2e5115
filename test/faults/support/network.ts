import { execFileSync } from "node:child_process";
import type { Scene } from "./fault.ts";

/** Why no networks can be made here; null: they can. */
export function networkObstacle(): string | null {
  if (process.platform !== "linux") return "makes network namespaces, which needs Linux";
  if (process.getuid?.() !== 0) return "makes network namespaces, which needs root";
  const name = `milepost-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return null;
  } catch {
    return "makes network namespaces, which needs iproute2 and a machine that lets root make them (a container?)";
  }
}

/** A host of its own as far as the network goes: one link leads to it, and can be cut. */
export interface Host {
  /** Of this machine, as that host sees it. */
  readonly gateway: string;
  /** Runs a command there. */
  readonly within: readonly string[];
  /** What is sent in either direction gets lost; nobody is told. */
  cut(): void;
  mend(): void;
}

/** Makes the host number `index`, deleted with the scene. The addresses are of the block that is kept for such tests (RFC 2544). */
export function makeHost(scene: Scene, index: number): Host {
  const name = `milepost-${process.pid}-${index}`;
  const [outer, inner] = [`mpo${process.pid}x${index}`, `mpi${process.pid}x${index}`].map((link) => link.slice(0, 15));
  if (outer === undefined || inner === undefined) throw new Error("two names were expected");
  const gateway = `198.18.${index}.1`;
  ip("netns", "add", name);
  scene.afterwards(() => ip("netns", "del", name));
  ip("link", "add", outer, "type", "veth", "peer", "name", inner);
  scene.afterwards(() => ip("link", "del", outer));
  ip("link", "set", inner, "netns", name);
  ip("addr", "add", `${gateway}/30`, "dev", outer);
  ip("link", "set", outer, "up");
  const within = ["ip", "netns", "exec", name];
  ip("-n", name, "addr", "add", `198.18.${index}.2/30`, "dev", inner);
  ip("-n", name, "link", "set", inner, "up");
  ip("-n", name, "link", "set", "lo", "up");
  return {
    gateway,
    within,
    // This end: the other one keeps its address and its routes, as when a cable is pulled somewhere between.
    cut: () => ip("link", "set", outer, "down"),
    mend: () => ip("link", "set", outer, "up"),
  };
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
