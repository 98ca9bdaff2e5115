import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Host, ProcessIdentity } from "../ports/host.ts";

/** This machine. On Linux a process is told apart by boot, namespace and start time; elsewhere by host name and pid alone. */
export const systemHost: Host = {
  self: { host: hostIdentity(), pid: process.pid, birth: birthOf(process.pid) ?? "" },
  isDead(other: ProcessIdentity): boolean {
    const { self } = systemHost;
    if (other.host !== self.host || (other.pid === self.pid && other.birth === self.birth)) return false;
    if (!isRunning(other.pid)) return true;
    const birth = birthOf(other.pid);
    return birth !== null && other.birth !== "" && birth !== other.birth;
  },
};

function hostIdentity(): string {
  const boot = tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = tryRead(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, namespace].filter(Boolean).join("/");
}

/** Whether this machine has a process of this number. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Start time of a process in clock ticks since boot (proc(5), field 22 of `stat`); a zombie counts as not running. */
function birthOf(pid: number): string | null {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === null) return null;
  // The second field, the command in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "zombie" : (fields[19] ?? null);
}

function tryRead(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
