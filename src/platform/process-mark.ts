import { createHash, randomUUID } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessIdentity } from "../ports/host.ts";
import { systemHost } from "./system-host.ts";

/*
 * What is not whole yet, or not done yet, bears the mark of the process that has it: `<anything>.<uuid>.<machine>-<boot>-<pid>-<birth>`, so
 * that every server of a folder can tell whose it is, on whatever machine. Machines that share a folder must have names of their own.
 */
const MARKED = /\.[0-9a-f-]{36}\.([0-9a-f]{12})-([0-9a-f]{12})-(\d{1,10})-(\w*)$/;

/** So long must the things of a machine that cannot be asked lie untouched before they count as left behind. */
const ABANDONED_MS = 3_600_000;

interface Mark {
  readonly machine: string;
  readonly boot: string;
  readonly pid: number;
  readonly birth: string;
}

/** The mark of a process: its machine and container, and their boot, as hashes that fit into a file's name. */
function markOf({ host, pid, birth }: ProcessIdentity): Mark {
  const [name = "", boot = "", namespace = ""] = host.split("/");
  return { machine: hashOf(`${name}/${namespace}`), boot: hashOf(boot), pid, birth };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** `name` with the mark of a process; default: of this one. */
export function markedName(name: string, process: ProcessIdentity = systemHost.self): string {
  const { machine, boot, pid, birth } = markOf(process);
  return `${name}.${randomUUID()}.${machine}-${boot}-${pid}-${birth}`;
}

export function isMarked(name: string): boolean {
  return MARKED.test(name);
}

/** True for what this very process has marked. */
export function isOwn(name: string): boolean {
  const mark = markIn(name);
  const own = markOf(systemHost.self);
  return mark !== null && mark.pid === own.pid && mark.birth === own.birth && isOfThisBoot(mark, own);
}

/**
 * True if what bears the name in a folder is nobody's any more: the process that marked it is certainly dead, its machine has been started
 * again since, or it is another machine's and nobody has touched it for an hour.
 */
export async function isLeftover(folder: string, name: string, now = Date.now()): Promise<boolean> {
  const mark = markIn(name);
  if (mark === null) return false;
  const { self } = systemHost;
  const own = markOf(self);
  if (isOfThisBoot(mark, own)) return systemHost.isDead({ host: self.host, pid: mark.pid, birth: mark.birth });
  if (mark.machine === own.machine) return true;
  return now - (await touchedAt(join(folder, name))) > ABANDONED_MS;
}

function markIn(name: string): Mark | null {
  const [, machine, boot, pid, birth = ""] = MARKED.exec(name) ?? [];
  return machine === undefined || boot === undefined ? null : { machine, boot, pid: Number(pid), birth };
}

function isOfThisBoot(mark: Mark, own: Mark): boolean {
  return mark.machine === own.machine && mark.boot === own.boot;
}

/** When a file, or a folder or what is in it, was last written to; now where it went away. */
async function touchedAt(path: string): Promise<number> {
  const own = await stat(path).catch(() => null);
  if (own === null) return Number.POSITIVE_INFINITY;
  const names = own.isDirectory() ? await readdir(path).catch(() => []) : [];
  const inside = await Promise.all(names.map((name) => stat(join(path, name)).catch(() => null)));
  return Math.max(own.mtimeMs, ...inside.map((each) => each?.mtimeMs ?? 0));
}
