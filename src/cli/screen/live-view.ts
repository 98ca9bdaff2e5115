import { createLogUpdate } from "log-update";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { ItemSnapshot } from "../../core/item.ts";
import type { Batch, FailureGroup } from "../../engine/batch.ts";
import { RateMeter } from "../../format/rate-meter.ts";
import type { Timer } from "../../ports/clock.ts";
import type { Cli } from "../cli.ts";
import { paint } from "./line.ts";
import type { ProgressView } from "./progress-view.ts";
import { renderScreen } from "./render-screen.ts";

const EVERY_MS = 120;
const FAILURES_EVERY_MS = 1_000;

/** The live screen on a terminal: redrawn on stderr at most eight times a second, and only where something changed. */
export class LiveView implements ProgressView {
  readonly #cli: Cli;
  readonly #source: Pick<Batch, "items" | "failures">;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #rate = new RateMeter();
  readonly #isColored: boolean;
  readonly #isAscii: boolean;
  #batch: BatchSnapshot | null = null;
  #running: readonly ItemSnapshot[] = [];
  #failures: readonly FailureGroup[] = [];
  #failuresOf = { failed: 0, atMs: Number.NEGATIVE_INFINITY };
  #notice: string | null;
  #isStarted = false;
  #isClosed = false;
  #turn: Promise<void> | null = null;
  #timer: Timer | null = null;

  constructor(cli: Cli, source: Pick<Batch, "items" | "failures">, notice: string | null) {
    this.#cli = cli;
    this.#source = source;
    this.#notice = notice;
    this.#draw = createLogUpdate(cli.io.stderr as typeof process.stderr);
    const { env } = cli.io;
    this.#isColored = !env.NO_COLOR && env.TERM !== "dumb";
    const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
    this.#isAscii = process.platform !== "win32" && !/utf-?8/i.test(locale);
  }

  show(batch: BatchSnapshot): void {
    this.#batch = batch;
    this.#rate.add(batch.processed, this.#cli.io.clock.monotonic());
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#cli.screen = { persist: (text) => this.#persist(text) };
    this.#next(0);
  }

  notice(text: string): void {
    this.#notice = text;
    this.#render();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#turn;
    this.#running = [];
    this.#notice = null;
    this.#render();
    this.#draw.done();
    this.#cli.screen = null;
  }

  #persist(text: string): void {
    this.#draw.persist(text);
    this.#render();
  }

  #next(delayMs: number): void {
    this.#timer = this.#cli.io.clock.after(delayMs, () => {
      this.#turn = this.#gather().then(() => {
        if (this.#isClosed) return;
        this.#render();
        this.#next(EVERY_MS);
      });
    });
  }

  /** Reads what the snapshot does not hold. A failed read leaves the old picture: the batch itself will tell what is wrong. */
  async #gather(): Promise<void> {
    const counts = this.#batch?.counts;
    if (counts === undefined) return;
    try {
      const page = counts.processing > 0 ? await this.#source.items({ state: "processing", limit: this.#rows }) : null;
      this.#running = page?.items ?? [];
      const nowMs = this.#cli.io.clock.monotonic();
      if (counts.failed !== this.#failuresOf.failed && nowMs - this.#failuresOf.atMs >= FAILURES_EVERY_MS) {
        this.#failuresOf = { failed: counts.failed, atMs: nowMs };
        this.#failures = await this.#source.failures();
      }
    } catch {
      this.#running = [];
    }
  }

  get #rows(): number {
    return Math.max(1, (this.#cli.io.stderr.rows ?? 24) - 1);
  }

  #render(): void {
    if (this.#batch === null) return;
    const { clock, stderr } = this.#cli.io;
    // One column less: some terminals wrap when the last column is filled.
    const columns = Math.max(10, (stderr.columns ?? 80) - 1);
    const facts = {
      batch: this.#batch,
      running: this.#running,
      failures: this.#failures,
      perSecond: this.#rate.perSecond(clock.monotonic()),
      notice: this.#notice,
      nowMs: clock.now(),
    };
    const lines = renderScreen(facts, { columns, rows: this.#rows, isAscii: this.#isAscii });
    this.#draw(lines.map((line) => paint(line, columns, this.#isColored)).join("\n"));
  }
}
