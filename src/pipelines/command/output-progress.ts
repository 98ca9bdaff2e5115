import type { Step } from "../../engine/pipeline.ts";
import { COMMAND_LIMITS } from "./command-options.ts";
import { FfmpegProgress } from "./ffmpeg-progress.ts";
import type { Stream } from "./launcher.ts";

/** Zero to a hundred, with or without decimals and a blank before the sign: `50%`, `50.5 %`. */
const PERCENT = /(?<![\d.,-])(\d{1,3}(?:\.\d+)?) ?%(?!\w)/g;
/** Something of this is in every line that tells progress. */
const MAY_TELL = /[%{=]|Duration:/;
const BYTES = COMMAND_LIMITS.progressBytes;
const EMPTY = Buffer.alloc(0);
const NEW_LINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads progress out of what a program prints, line by line as it comes. Lines end with a line break or a carriage return. Known are
 *
 * - JSON: `{"progress": 0.5}` from 0 to 1, with or without `"stage"` and `"message"`, both texts;
 * - `{"cached": true}`: there was nothing to do, so that estimates do not take the item for work;
 * - a percentage anywhere in a line; the last one of the line counts;
 * - the blocks of ffmpeg's `-progress`, against the duration that ffmpeg prints.
 *
 * All else is passed over. Only the end of a large chunk is read: what counts is the latest.
 */
export class OutputProgress {
  readonly #step: Pick<Step, "stage" | "progress" | "message" | "cached" | "signal">;
  readonly #ffmpeg = new FfmpegProgress();
  readonly #rests = { stdout: EMPTY, stderr: EMPTY };
  #stage: string | null = null;

  constructor(step: Pick<Step, "stage" | "progress" | "message" | "cached" | "signal">) {
    this.#step = step;
  }

  /** Takes what a stream brought. */
  add(stream: Stream, chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rests[stream], chunk.subarray(-BYTES)]).subarray(-BYTES);
    const end = Math.max(bytes.lastIndexOf(NEW_LINE), bytes.lastIndexOf(CARRIAGE_RETURN));
    this.#rests[stream] = bytes.subarray(end + 1);
    // An attempt that was taken away accepts no reports any more, but its program may go on to print for a moment.
    if (end < 0 || this.#step.signal.aborted) return;
    const text = bytes.toString("utf8", 0, end);
    // Most output tells none. To look at each of its lines would cost more than all else that is done with it.
    if (!MAY_TELL.test(text)) return;
    for (const line of text.split(/[\r\n]+/)) this.#read(line);
  }

  #read(line: string): void {
    if (line.startsWith("{")) {
      this.#readJson(line);
      return;
    }
    const fraction = this.#ffmpeg.read(line) ?? percentIn(line);
    if (fraction !== null) this.#report(fraction);
  }

  #readJson(line: string): void {
    const { progress, stage, message, cached } = parseObject(line);
    if (cached === true) this.#step.cached();
    if (typeof stage === "string" && stage !== "" && stage !== this.#stage) {
      this.#stage = stage;
      this.#step.stage(stage);
    }
    if (typeof message === "string") this.#step.message(message);
    if (typeof progress === "number" && progress >= 0 && progress <= 1) this.#report(progress);
  }

  #report(fraction: number): void {
    this.#step.progress(Math.round(fraction * 1_000) / 10, 100, "%");
  }
}

/** The last percentage of a line as a fraction. */
function percentIn(line: string): number | null {
  if (!line.includes("%")) return null;
  const percent = Number([...line.matchAll(PERCENT)].at(-1)?.[1] ?? Number.NaN);
  return percent <= 100 ? percent / 100 : null;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
