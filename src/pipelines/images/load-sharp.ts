import type sharp from "sharp";
import { MilepostError } from "../../core/errors.ts";

export type Sharp = typeof sharp;

let loading: Promise<Sharp> | null = null;

/**
 * Loads sharp when the first image needs it. Its process-wide settings (threads, cache) stay as they are.
 *
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install.
 */
export function loadSharp(load: () => Promise<{ readonly default: Sharp }> = () => import("sharp")): Promise<Sharp> {
  loading ??= load().then(
    (module) => module.default,
    (cause: unknown) => {
      loading = null;
      throw new MilepostError("MISSING_DEPENDENCY", "images need the package sharp; install it: npm install sharp", {
        details: { package: "sharp" },
        cause,
      });
    },
  );
  return loading;
}
