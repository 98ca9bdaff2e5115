import type { Pulse } from "../../ports/pulse.ts";
import { startPulse } from "../pulse.ts";
import type { Connection } from "./connection.ts";
import type { PulseSetup } from "./pulse-thread.ts";

export interface PulseOptions {
  readonly worker: number;
  readonly everyMs: number;
  readonly onLost: () => void;
}

/** `pulse` of the port. */
export function startFilePulse(connection: Connection, { worker, everyMs, onLost }: PulseOptions): Pulse {
  const clockOffsetMs = connection.clock.monotonic() - Number(process.hrtime.bigint()) / 1e6;
  const { ino = 0, dev = 0 } = connection.file ?? {};
  const setup: PulseSetup = { path: connection.path, ino, dev, worker, everyMs, clockOffsetMs };
  return startPulse({ beside: import.meta.url, setup, onLost });
}
