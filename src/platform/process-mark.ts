import { randomUUID } from "node:crypto";
import { systemHost } from "./system-host.ts";

/** Names of what is not whole yet: `<anything>.<uuid>.<pid>-<birth>`, so that everybody can tell whose it is. */
const MARKED = /\.[0-9a-f-]{36}\.(\d{1,10})-(\w*)$/;

/** `name` with the mark of this process. */
export function markedName(name: string): string {
  const { pid, birth } = systemHost.self;
  return `${name}.${randomUUID()}.${pid}-${birth}`;
}

export function isMarked(name: string): boolean {
  return MARKED.test(name);
}

/** True if what bears the name is nobody's any more: the process that made it is certainly dead. */
export function isLeftover(name: string): boolean {
  const [, pid, birth = ""] = MARKED.exec(name) ?? [];
  return pid !== undefined && systemHost.isDead({ host: systemHost.self.host, pid: Number(pid), birth });
}
