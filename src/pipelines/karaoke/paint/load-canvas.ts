import type * as Canvas from "@napi-rs/canvas";
import { MilepostError } from "../../../core/errors.ts";

export type CanvasModule = typeof Canvas;

let loading: Promise<CanvasModule> | null = null;

/**
 * Loads the canvas when the first picture is drawn.
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install
 */
export function loadCanvas(load: () => Promise<CanvasModule> = () => import("@napi-rs/canvas")): Promise<CanvasModule> {
  loading ??= load().catch((cause: unknown) => {
    loading = null;
    throw new MilepostError(
      "MISSING_DEPENDENCY",
      "karaoke needs the package @napi-rs/canvas; install it: npm install @napi-rs/canvas",
      { details: { package: "@napi-rs/canvas" }, cause },
    );
  });
  return loading;
}
