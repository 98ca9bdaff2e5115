import type * as Mediabunny from "mediabunny";
import { MilepostError } from "../../../core/errors.ts";

export type MediabunnyModule = typeof Mediabunny;

let loading: Promise<MediabunnyModule> | null = null;

/**
 * Loads mediabunny, which reads and writes containers, when the first is read or written.
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install
 */
export function loadMediabunny(
  load: () => Promise<MediabunnyModule> = () => import("mediabunny"),
): Promise<MediabunnyModule> {
  loading ??= load().catch((cause: unknown) => {
    loading = null;
    throw new MilepostError(
      "MISSING_DEPENDENCY",
      "karaoke needs the package mediabunny; install it: npm install mediabunny",
      { details: { package: "mediabunny" }, cause },
    );
  });
  return loading;
}
