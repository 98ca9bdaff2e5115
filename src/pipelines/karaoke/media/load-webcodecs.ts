import type * as Webcodecs from "@napi-rs/webcodecs";
import { MilepostError } from "../../../core/errors.ts";

export type WebcodecsModule = typeof Webcodecs;

let loading: Promise<WebcodecsModule> | null = null;

/**
 * Loads the codecs when the first is needed. The package's binary holds x264, which is under the GPL; so nothing brings it along.
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install
 */
export function loadWebcodecs(
  load: () => Promise<WebcodecsModule> = () => import("@napi-rs/webcodecs"),
): Promise<WebcodecsModule> {
  loading ??= load().catch((cause: unknown) => {
    loading = null;
    throw new MilepostError(
      "MISSING_DEPENDENCY",
      "this needs the package @napi-rs/webcodecs; install it: npm install @napi-rs/webcodecs (its binary holds x264, GPL)",
      { details: { package: "@napi-rs/webcodecs" }, cause },
    );
  });
  return loading;
}

/** The codecs' events do not keep a process alive; this does, until it is disposed. */
export function stayAlive(): Disposable {
  const timer = setInterval(() => {}, 60_000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
