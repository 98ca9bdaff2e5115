import type Pg from "pg";
import { MilepostError } from "../../core/errors.ts";

export type PgModule = typeof Pg;

let loading: Promise<PgModule> | null = null;

/**
 * Loads `pg` when the first store on PostgreSQL is opened.
 *
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install.
 */
export function loadPg(load: () => Promise<{ readonly default: PgModule }> = () => import("pg")): Promise<PgModule> {
  loading ??= load().then(
    (module) => module.default,
    (cause: unknown) => {
      loading = null;
      throw new MilepostError(
        "MISSING_DEPENDENCY",
        "stores on PostgreSQL need the package pg; install it: npm install pg",
        { details: { package: "pg" }, cause },
      );
    },
  );
  return loading;
}
