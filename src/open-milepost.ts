import { MilepostError } from "./core/errors.ts";
import { LIMITS } from "./core/limits.ts";
import { FLAG, OBJECT, type Rules, requireOptions, requireWhole, whole } from "./core/options.ts";
import { Milepost } from "./engine/milepost.ts";
import { RETENTION_RULES, type RetentionOptions } from "./engine/options.ts";
import { consoleLogger } from "./platform/console-logger.ts";
import { findTracer } from "./platform/open-telemetry.ts";
import { systemClock } from "./platform/system-clock.ts";
import { systemHost } from "./platform/system-host.ts";
import { systemRandom } from "./platform/system-random.ts";
import type { Clock } from "./ports/clock.ts";
import type { Host } from "./ports/host.ts";
import type { Logger } from "./ports/logger.ts";
import type { Random } from "./ports/random.ts";
import type { Store } from "./ports/store.ts";

export interface OpenOptions {
  /** Refuse to create a store that is not there. Default false. */
  readonly mustExist?: boolean;
  /** Default: one JSON line for each entry on stderr. */
  readonly logger?: Logger;
  /** How much memory a store in an SQLite file keeps pages in, 1 to 4,096 MiB. Default 4. */
  readonly cacheMiB?: number;
  /** Ended batches to delete by themselves, looked at every 10 minutes while this process works; default: none. */
  readonly retention?: RetentionOptions;
  /** For tests and simulations. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly host?: Host;
}

const OPEN_RULES: Rules<OpenOptions> = {
  mustExist: FLAG,
  logger: OBJECT,
  cacheMiB: whole(1, LIMITS.cacheMiB),
  retention: OBJECT,
  clock: OBJECT,
  random: OBJECT,
  host: OBJECT,
};

/**
 * Opens the engine on a store: the path of an SQLite file, made if it is not there; `postgres://user:password@host:port/database`
 * for one that many machines share; or `memory:` for one that ends with the process.
 *
 * @throws {MilepostError} `NOT_FOUND` (with `mustExist`), `STORE_*` when the store cannot be used; it is left as it was;
 * `MISSING_DEPENDENCY` for PostgreSQL without the package pg
 * @example
 * await using milepost = await openMilepost("work.db");
 */
export async function openMilepost(location: string, options: OpenOptions = {}): Promise<Milepost> {
  requireOptions("openMilepost", options, OPEN_RULES);
  if (options.retention !== undefined) requireOptions("retention", options.retention, RETENTION_RULES);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const { cacheMiB, mustExist = false } = options;
  const store = await openStore(location, { clock, random, mustExist, ...(cacheMiB !== undefined && { cacheMiB }) });
  const tracer = await findTracer();
  const deps = {
    store,
    clock,
    random,
    host: options.host ?? systemHost,
    logger: options.logger ?? consoleLogger,
    ...(tracer !== null && { tracer }),
  };
  return new Milepost(deps, options.retention === undefined ? {} : { retention: options.retention });
}

/** The store alone, of the kind that its location says. @throws {MilepostError} as `openMilepost` */
export async function openStore(
  location: string,
  options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly mustExist: boolean;
    readonly cacheMiB?: number;
  },
): Promise<Store> {
  const { clock, random, mustExist, ...tuning } = options;
  if (tuning.cacheMiB !== undefined) requireWhole("cacheMiB", tuning.cacheMiB, 1, LIMITS.cacheMiB);
  if (typeof location !== "string" || location === "" || location.includes("\0")) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `a store is the path of a file, postgres://… or "memory:"; found ${JSON.stringify(location)}`,
    );
  }
  if (location === "memory:") {
    const { createMemoryStore } = await import("./stores/memory/memory-store.ts");
    return createMemoryStore({ clock });
  }
  if (/^postgres(ql)?:\/\//i.test(location)) {
    const { openPostgresStore } = await import("./stores/postgres/postgres-store.ts");
    return openPostgresStore({ url: location, clock, mustExist });
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) {
    const scheme = location.slice(0, location.indexOf(":"));
    throw new MilepostError(
      "STORE_UNSUPPORTED",
      `stores at ${scheme}: are not supported; give the path of a file, postgres://… or "memory:"`,
    );
  }
  if (mustExist) {
    const { existsSync } = await import("node:fs");
    if (!existsSync(location))
      throw new MilepostError(
        "NOT_FOUND",
        `there is no store at ${location}; submit work first or name one with --store`,
      );
  }
  const { openSqliteStore } = await import("./stores/sqlite/sqlite-store.ts");
  return openSqliteStore({ path: location, clock, random, ...tuning });
}
