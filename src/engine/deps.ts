import type { Clock } from "../ports/clock.ts";
import type { Host } from "../ports/host.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { Tracer } from "../ports/tracer.ts";

/** Everything that varies, handed to each part of the engine. */
export interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: Host;
  readonly logger: Logger;
  /** Absent where nobody follows. */
  readonly tracer?: Tracer;
}
