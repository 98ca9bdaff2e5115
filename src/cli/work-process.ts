import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { MilepostError } from "../core/errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { WorkNews, WorkOrder } from "./work-messages.ts";

const MAIN = new URL(`./work-process-main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
/** Between the end of one and the start of the next. */
const RESTART_MS = 100;
const RESTART_MS_MAX = 30_000;
/** One that lived for so long was well: the next starts soon again. */
const WELL_MS = 60_000;
/** What only the server needs to know. No decoder and no command of a batch sees it. */
const SECRETS: readonly string[] = ["MILEPOST_TOKEN", "MILEPOST_WEBHOOK_SECRET"];

export interface WorkProcessOptions {
  readonly store: string;
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when an operator has drained its worker, and there will be no other. */
  readonly onDrained: () => void;
}

/**
 * Runs the work of a store in a process of its own, so that an image or a document that brings a decoder down, or takes all
 * memory, costs an attempt and never the server. It is started again whenever it ends, after a pause that doubles
 * while it keeps on ending early. It ends with its parent, even if that is killed.
 */
export class WorkProcess {
  readonly #options: WorkProcessOptions;
  readonly #failure = Promise.withResolvers<never>();
  #child: ChildProcess;
  #startedAt = 0;
  #restartMs = RESTART_MS;
  #timer: Timer | null = null;
  #isStopping = false;

  constructor(options: WorkProcessOptions) {
    this.#options = options;
    this.#failure.promise.catch(() => {});
    this.#child = this.#start();
  }

  /** Rejects when the work cannot go on, whatever is tried: the store is gone, read-only or corrupt. Never resolves. */
  failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** What runs gets a few seconds; the rest is given back. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#timer?.cancel();
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    if (child.connected) child.send({ type: "stop" } satisfies WorkOrder, () => {});
    await ended;
  }

  #start(): ChildProcess {
    const { store, concurrency, memoryBytes, env, clock } = this.#options;
    const open = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.includes(name)));
    const child = fork(MAIN, { env: open, stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
    this.#startedAt = clock.monotonic();
    child.on("message", (news: WorkNews) => this.#hear(news));
    child.on("error", (error) => this.#options.logger.error("the process that works failed", { error: error.message }));
    child.on("exit", (status, signal) => this.#onExit(status, signal));
    child.send({ type: "start", store, concurrency, memoryBytes } satisfies WorkOrder, () => {});
    return child;
  }

  #hear(news: WorkNews): void {
    if (news.type === "drained") {
      this.#isStopping = true;
      this.#options.onDrained();
    }
    if (news.type === "log") this.#options.logger[news.level](news.message, news.details);
    if (news.type !== "gave-up") return;
    this.#isStopping = true;
    this.#failure.reject(news.code === null ? new Error(news.message) : new MilepostError(news.code, news.message));
  }

  #onExit(status: number | null, signal: string | null): void {
    if (this.#isStopping) return;
    const { clock, logger } = this.#options;
    const waitMs = clock.monotonic() - this.#startedAt > WELL_MS ? RESTART_MS : this.#restartMs;
    this.#restartMs = Math.min(2 * waitMs, RESTART_MS_MAX);
    logger.warn("the process that works has ended; another one is started", { status, signal, waitMs });
    this.#timer = clock.after(waitMs, () => {
      this.#child = this.#start();
    });
  }
}
