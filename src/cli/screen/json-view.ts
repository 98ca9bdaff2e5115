import type { BatchSnapshot } from "../../core/batch.ts";
import type { Timer } from "../../ports/clock.ts";
import { batchToJson } from "../batch-json.ts";
import type { Cli } from "../cli.ts";
import type { ProgressView } from "./progress-view.ts";

const EVERY_MS = 500;

/** Progress for programs: `{"type":"progress","batch":{…}}` on stdout, at most two a second, the first at once, the last always. */
export class JsonView implements ProgressView {
  readonly #cli: Cli;
  #latest: BatchSnapshot | null = null;
  #written: BatchSnapshot | null = null;
  #timer: Timer | null = null;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  show(batch: BatchSnapshot): void {
    this.#latest = batch;
    if (this.#timer === null) this.#tick();
  }

  notice(text: string): void {
    this.#cli.json({ type: "notice", message: text });
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
    const batch = this.#latest;
    if (batch === null || batch === this.#written) return;
    this.#cli.json({ type: "progress", batch: batchToJson(batch) });
    this.#written = batch;
  }
}
