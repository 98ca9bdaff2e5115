import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Installs the peers into bench/peers/node_modules unless they are there in the versions that bench/peers/package.json names. */
export function installPeers(): void {
  const wanted = Object.entries(readManifest(`${folder}package.json`).dependencies ?? {});
  if (wanted.every(([name, version]) => installedVersion(name) === version)) return;
  process.stderr.write("installing the peers: npm install in bench/peers\n");
  const { status } = spawnSync("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: ["ignore", process.stderr, process.stderr],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("the peers could not be installed; try `npm install` in bench/peers");
}

/** The versions that are installed, by package. */
export function peerVersions(): Readonly<Record<string, string>> {
  const names = Object.keys(readManifest(`${folder}package.json`).dependencies ?? {});
  return Object.fromEntries(names.map((name) => [name, installedVersion(name) ?? "missing"]));
}

function installedVersion(name: string): string | null {
  const path = `${folder}node_modules/${name}/package.json`;
  return existsSync(path) ? (readManifest(path).version ?? null) : null;
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}
