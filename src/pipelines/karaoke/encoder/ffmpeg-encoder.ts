import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { invalidAudio } from "../audio/open-audio.ts";
import { type Container, containerOf } from "../media/container.ts";
import { FFMPEG_DEMUXERS, requireFfmpeg } from "../media/ffmpeg.ts";
import type { Picture } from "../paint/planes.ts";
import { reasonOf } from "../render-errors.ts";
import { AUDIO, type Encoder, type EncoderTask, KEY_FRAME_SECONDS, QUALITY } from "./encoder.ts";

const REASON_CHARACTERS = 2_000;

/** Encodes in a process of the system's ffmpeg, which gets the pictures through a pipe. */
export class FfmpegEncoder implements Encoder {
  readonly name = "ffmpeg";
  readonly #task: EncoderTask;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #closed: Promise<void>;
  #said = "";
  #encoded = 0;
  #status: number | null = null;
  #failure: Error | null = null;

  /** @throws {MilepostError} `MISSING_DEPENDENCY` @throws {NoRetryError} `INVALID_AUDIO` */
  static async open(task: EncoderTask): Promise<FfmpegEncoder> {
    const program = requireFfmpeg();
    const container = task.audio === null ? null : await containerOf(task.audio);
    if (task.audio !== null && container === null) {
      throw invalidAudio("the audio file is not MP3, WAV, AAC, M4A or Ogg, whatever its name is");
    }
    return new FfmpegEncoder(program, task, container);
  }

  private constructor(program: string, task: EncoderTask, container: Container | null) {
    this.#task = task;
    // No shell; of the environment what a program needs to start.
    this.#child = spawn(program, ffmpegArguments(task, container), {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env.PATH },
    });
    this.#child.stdin.on("error", () => {});
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-REASON_CHARACTERS);
    });
    this.#closed = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        this.#failure ??= error;
        resolve();
      });
      this.#child.on("close", (status) => {
        this.#status = status;
        resolve();
      });
    });
  }

  async encode({ data }: Picture): Promise<void> {
    // The stream keeps what it is given until it is written; the picture is drawn over at once.
    const isRoom = this.#child.stdin.write(Uint8Array.from(data));
    if (!isRoom) {
      const drained = new Promise<void>((resolve) => this.#child.stdin.once("drain", resolve));
      await Promise.race([drained, this.#closed]);
    }
    if (this.#child.stdin.destroyed || this.#child.exitCode !== null) throw await this.#whyEnded();
  }

  async drain(): Promise<void> {
    this.#child.stdin.end();
    // Its index is moved to the front by the same process, which tells nothing of that.
    await this.#closed;
    if (this.#status !== 0) throw await this.#whyEnded();
    this.#tell(this.#task.frames);
  }

  async finish(): Promise<void> {}

  async abort(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    this.#child.stdin.destroy();
    await this.#closed;
  }

  async #whyEnded(): Promise<Error> {
    await this.#closed;
    const reason = reasonOf(this.#said === "" ? (this.#failure ?? `status ${this.#status}`) : this.#said);
    return new Error(`ffmpeg failed: ${reason}`, this.#failure === null ? {} : { cause: this.#failure });
  }

  /** What `-progress` prints, among other things `frame=42`. */
  #hear(text: string): void {
    for (const [, frames] of text.matchAll(/^frame=\s*(\d+)\s*$/gm)) this.#tell(Number(frames));
  }

  #tell(frames: number): void {
    if (frames <= this.#encoded) return;
    this.#encoded = Math.min(frames, this.#task.frames);
    this.#task.onEncoded(this.#encoded);
  }
}

/** The whole command line. Every input is named with its protocol, and none but files and the pipe may be opened. */
export function ffmpegArguments(task: EncoderTask, container: Container | null): readonly string[] {
  const { path, width, height, fps, frames, audio, threads } = task;
  const bound = threads === null ? [] : ["-threads", String(threads)];
  const sound =
    audio === null || container === null
      ? ["-an"]
      : ["-map", "1:a:0", "-af", "aresample=async=1:first_pts=0,apad", "-c:a", "aac", "-b:a", String(AUDIO.bitrate)];
  return [
    ...["-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-progress", "pipe:1", "-filter_threads", "1"],
    ...[
      "-protocol_whitelist",
      "file,pipe",
      "-f",
      "rawvideo",
      "-pix_fmt",
      "yuv420p",
      "-video_size",
      `${width}x${height}`,
    ],
    ...["-framerate", String(fps), "-color_range", "tv", "-colorspace", "bt709", "-i", "pipe:0"],
    ...(audio === null || container === null
      ? []
      : ["-protocol_whitelist", "file,pipe", "-f", FFMPEG_DEMUXERS[container], "-vn", "-i", `file:${audio}`]),
    ...["-map", "0:v:0", ...sound, ...(audio === null ? [] : ["-ar", String(AUDIO.sampleRate), "-ac", "2"])],
    ...[
      "-c:v",
      "libx264",
      "-preset",
      "superfast",
      "-tune",
      "zerolatency",
      "-crf",
      String(QUALITY),
      "-pix_fmt",
      "yuv420p",
    ],
    ...["-g", String(Math.max(1, Math.round(KEY_FRAME_SECONDS * fps))), ...bound],
    ...["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    ...[
      "-t",
      String(frames / fps),
      "-movflags",
      "+faststart",
      "-map_metadata",
      "-1",
      "-f",
      "mp4",
      "-y",
      `file:${path}`,
    ],
  ];
}
