import type { BatchSnapshot } from "../../core/batch.ts";
import { escapeText } from "../../format/escape.ts";
import { RateMeter } from "../../format/rate-meter.ts";
import type { Timer } from "../../ports/clock.ts";
import type { Cli } from "../cli.ts";
import { describeProgress, titleOf } from "./describe.ts";
import type { ProgressView } from "./progress-view.ts";

const EVERY_MS = 5_000;

/** Progress where there is no terminal: one line on stderr at once, one every five seconds, one at the end. */
export class PlainView implements ProgressView {
  readonly #cli: Cli;
  readonly #rate = new RateMeter();
  #batch: BatchSnapshot | null = null;
  #written = "";
  #timer: Timer | null = null;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  show(batch: BatchSnapshot): void {
    this.#batch = batch;
    this.#rate.add(batch.processed, this.#cli.io.clock.monotonic());
    if (this.#timer === null) this.#tick();
  }

  notice(text: string): void {
    this.#cli.note(text);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#write();
  }

  #tick(): void {
    this.#write();
    this.#timer = this.#cli.io.clock.after(EVERY_MS, () => this.#tick());
  }

  #write(): void {
    if (this.#batch === null) return;
    const { clock } = this.#cli.io;
    const rate = this.#rate.perSecond(clock.monotonic());
    const line = `${escapeText(titleOf(this.#batch))}: ${describeProgress(this.#batch, rate, clock.now())}`;
    // The end may come right after a tick; the same line twice says nothing.
    if (line !== this.#written) this.#cli.note(line);
    this.#written = line;
  }
}
