import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** How many programs wanted a processor in the minute before: on an idle machine, near 0. */
  readonly loadBefore: number;
}

/** Read when the bench starts, before it is the load. */
const LOAD_BEFORE = loadavg()[0] ?? Number.NaN;

export function machineFacts(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    loadBefore: LOAD_BEFORE,
  };
}

/** Of Milepost and of what both sides run on; `others` are those of the bench's own. */
export function versionFacts(others: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  const { node, sqlite = "none" } = process.versions;
  return { milepost: manifest.version, node, sqlite, ...others };
}
