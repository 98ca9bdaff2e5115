const DURATION = /^\s*Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)/;
const OUT_TIME = /^out_time(?:_us|_ms)?=(.+)$/;
const CLOCK = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/;

/**
 * Reads the progress of ffmpeg, run with `-progress -` or `-progress pipe:2`: blocks of `key=value` lines that end with
 * `progress=continue` or `progress=end`. How long the result will be is taken from the `Duration:` that ffmpeg prints of its
 * inputs, the longest one.
 *
 * `out_time_ms` counts microseconds as `out_time_us` does: an old slip of ffmpeg that programs rely on by now.
 */
export class FfmpegProgress {
  #durationSeconds = 0;

  /** The fraction done that `line` tells, 0 to 1; null if it tells none. */
  read(line: string): number | null {
    if (line === "progress=end") return 1;
    const duration = DURATION.exec(line);
    if (duration !== null) {
      this.#durationSeconds = Math.max(this.#durationSeconds, toSeconds(duration));
      return null;
    }
    const outTime = OUT_TIME.exec(line)?.[1];
    if (outTime === undefined || this.#durationSeconds === 0) return null;
    const clock = CLOCK.exec(outTime);
    const seconds = clock === null ? Number(outTime) / 1_000_000 : toSeconds(clock);
    // Before the first frame ffmpeg prints `N/A` or a time below zero.
    return seconds >= 0 ? Math.min(1, seconds / this.#durationSeconds) : null;
  }
}

function toSeconds([, hours = "0", minutes = "0", seconds = "0"]: RegExpExecArray): number {
  return Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
}
