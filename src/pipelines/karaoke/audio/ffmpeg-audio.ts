import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Container } from "../media/container.ts";
import { FFMPEG_DEMUXERS, findFfmpeg } from "../media/ffmpeg.ts";
import { within } from "../media/within.ts";
import { reasonOf } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import type { AudioSource, Stereo } from "./audio-source.ts";
import { invalidAudio, lateAudio } from "./open-audio.ts";

const SAMPLE_BYTES = 4;
const REASON_CHARACTERS = 2_000;

/** Reads sound with the system's ffmpeg: what the codecs in this process cannot decode. */
export class FfmpegAudio implements AudioSource {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #status: Promise<number | null>;
  #rest: Buffer = Buffer.alloc(0);
  #said = "";

  /** @throws {NoRetryError} `INVALID_AUDIO` if there is no ffmpeg. */
  static open(path: string, container: Container, rate: number): FfmpegAudio {
    const program = findFfmpeg();
    if (program === null) {
      throw invalidAudio("this kind of audio cannot be decoded without ffmpeg; install it, or bring MP3, WAV or M4A");
    }
    return new FfmpegAudio(program, ["-f", FFMPEG_DEMUXERS[container], "-vn", "-i", `file:${path}`], rate);
  }

  private constructor(program: string, input: readonly string[], rate: number) {
    const quiet = ["-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe"];
    const output = ["-map", "0:a:0", "-ac", "2", "-ar", String(rate), "-f", "f32le", "pipe:1"];
    this.#child = spawn(program, [...quiet, ...input, ...output], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH },
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-REASON_CHARACTERS);
    });
    this.#status = new Promise((resolve) => {
      this.#child.on("error", () => resolve(null));
      this.#child.on("close", resolve);
    });
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
  }

  async next(): Promise<Stereo | null> {
    return await within(this.#next(), RENDER_LIMITS.stepMs, lateAudio);
  }

  close(): void {
    this.#child.kill("SIGKILL");
    this.#child.stdout.destroy();
  }

  async #next(): Promise<Stereo | null> {
    for (;;) {
      const whole = Math.floor(this.#rest.length / (2 * SAMPLE_BYTES));
      if (whole > 0) return this.#take(whole);
      const { value, done } = await this.#chunks.next();
      if (done === true) {
        if ((await this.#status) === 0) return null;
        throw invalidAudio(`the audio file is damaged: ${reasonOf(this.#said)}`);
      }
      this.#rest = Buffer.concat([this.#rest, value]);
    }
  }

  #take(count: number): Stereo {
    const left = new Float32Array(count);
    const right = new Float32Array(count);
    for (let index = 0; index < count; index++) {
      left[index] = this.#rest.readFloatLE(index * 2 * SAMPLE_BYTES);
      right[index] = this.#rest.readFloatLE((index * 2 + 1) * SAMPLE_BYTES);
    }
    this.#rest = this.#rest.subarray(count * 2 * SAMPLE_BYTES);
    return [left, right];
  }
}
