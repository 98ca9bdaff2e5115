import { fork } from "node:child_process";
import type { Json } from "../../core/json.ts";

/** Which frame of which export is wanted. A type, not an interface, so that it can be sent. */
export type FrameQuestion = {
  /** The item's: a `VideoInput`. */
  readonly input: Json;
  /** The batch's: `KaraokeOptions`. */
  readonly options: Json;
  /** True: nothing outside of the project's folder is read, whatever the options say. */
  readonly isConfined: boolean;
  /** Milliseconds into the video, or the number of a frame, from 0 on. */
  readonly at: { readonly ms: number } | { readonly frame: number };
  /** Of the picture, in pixels. */
  readonly sideMax: number;
};

/** A PNG, or why there is none. */
export type FrameAnswer =
  | { readonly ok: true; readonly picture: Uint8Array }
  | { readonly ok: false; readonly reason: string };

const MAIN = new URL(`./frame-process-main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
const MEMORY_MB = 512;

/**
 * Draws a frame of an export in a process of its own, so that a file that brings a decoder down, or keeps one busy, costs the
 * picture alone. It is ended after `timeLimitMs`, and when `signal` is aborted.
 */
export function drawApart(
  question: FrameQuestion,
  { timeLimitMs, signal }: { readonly timeLimitMs: number; readonly signal: AbortSignal },
): Promise<FrameAnswer> {
  const { HOME } = process.env;
  const child = fork(MAIN, {
    // The fonts of the user are looked for in it.
    env: HOME === undefined ? {} : { HOME },
    execArgv: [`--max-old-space-size=${MEMORY_MB}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
    killSignal: "SIGKILL",
    timeout: timeLimitMs,
    signal,
  });
  return new Promise((resolve) => {
    child.on("message", (answer: FrameAnswer) => resolve(answer));
    child.on("error", () => resolve({ ok: false, reason: "the frame could not be drawn" }));
    child.on("exit", () => resolve({ ok: false, reason: "drawing the frame took too long, or too much memory" }));
    child.send(question, () => {});
  });
}
