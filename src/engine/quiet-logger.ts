import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";

/** The same message comes through at most this often: a full disk must not be filled with complaints about it. */
const EVERY_MS = 60_000;
const MESSAGES_KEPT = 100;

/** Lets each warning and error through once a minute, saying how often it came meanwhile; everything else as it is. */
export function quietLogger(logger: Logger, clock: Clock): Logger {
  const seen = new Map<string, { at: number; more: number }>();
  const limit = (write: Logger["warn"]): Logger["warn"] => {
    return (message, details) => {
      const now = clock.monotonic();
      const last = seen.get(message);
      if (last !== undefined && now - last.at < EVERY_MS) {
        last.more += 1;
        return;
      }
      if (seen.size >= MESSAGES_KEPT) seen.clear();
      seen.set(message, { at: now, more: 0 });
      write(message, last === undefined || last.more === 0 ? details : { ...details, repeated: last.more });
    };
  };
  return {
    info: (message, details) => logger.info(message, details),
    warn: limit((message, details) => logger.warn(message, details)),
    error: limit((message, details) => logger.error(message, details)),
  };
}
