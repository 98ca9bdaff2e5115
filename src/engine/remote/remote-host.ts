import type { ProcessIdentity } from "../../ports/host.ts";

/** What the "host" of a worker outside begins with. It is no machine's: nobody can take its process for dead. */
export const REMOTE_HOST = "remote:";

/** True for the session of a worker that is no process of the engine: its lease lapses by time alone. */
export function isRemote({ host }: Pick<ProcessIdentity, "host">): boolean {
  return host.startsWith(REMOTE_HOST);
}
