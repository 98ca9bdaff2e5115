import { Worker } from "node:worker_threads";
import { NoRetryError } from "../../core/errors.ts";
import type { Step } from "../../engine/pipeline.ts";
import { documentError } from "./document-errors.ts";
import { DOCUMENT_LIMITS } from "./document-limits.ts";
import { settingsOf } from "./document-options.ts";
import { loadEmbedder } from "./embed/load-embedder.ts";
import type { DocumentOutput, DocumentTask, FromDocumentThread, ToDocumentThread } from "./messages.ts";
import { type StepExcess, StepWatch } from "./step-watch.ts";

const THREAD = new URL(`./document-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
/** An idle thread ends after this, in milliseconds: it holds the memory of the largest document that it has read. */
const IDLE_MS = 5_000;

export interface ThreadLimits {
  /** Processor time of one step, and of the storing; by the clock ten times as much. */
  readonly stepMs: number;
  readonly storingMs: number;
  readonly threadMemoryMb: number;
}

/** What of a handler's step a document needs. */
export type DocumentStep = Pick<Step, "signal" | "stage" | "progress" | "cached" | "paused">;

/**
 * The threads that take documents in: as many as documents are worked on at once. A thread that works too long for a step, grows beyond its
 * memory or dies is ended alone: its document fails, the next one gets a new thread.
 */
export class DocumentThreads {
  readonly #limits: ThreadLimits;
  readonly #idle: DocumentThread[] = [];

  constructor(limits: ThreadLimits = DOCUMENT_LIMITS) {
    this.#limits = limits;
  }

  /**
   * @throws {NoRetryError} what the document did wrong
   * @throws {Error} what may pass, and the reason of an abort
   */
  async run(task: DocumentTask, step: DocumentStep): Promise<DocumentOutput> {
    step.signal.throwIfAborted();
    const thread = this.#idle.pop() ?? new DocumentThread(this.#limits, (ended) => this.#forget(ended));
    const output = thread.run(task, step);
    const error: unknown = await output.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (thread.isAlive) {
      this.#idle.push(thread);
      thread.rest();
    } else if (error instanceof NoRetryError) {
      // If that fails too, the draft is given up by its age.
      await discardDraftOf(task).catch(() => {});
    }
    return output;
  }

  #forget(thread: DocumentThread): void {
    const index = this.#idle.indexOf(thread);
    if (index >= 0) this.#idle.splice(index, 1);
  }
}

interface Run {
  readonly step: DocumentStep;
  readonly resolve: (output: DocumentOutput) => void;
  readonly reject: (error: Error) => void;
}

/** ```
 * idle ──run──▶ busy ──done, failed──▶ idle
 *  │ IDLE_MS      │ too slow, too large, aborted, died
 *  └─────────────▶└──▶ ended
 * ```
 */
class DocumentThread {
  isAlive = true;
  readonly #limits: ThreadLimits;
  readonly #worker: Worker;
  #run: Run | null = null;
  readonly #watch = new StepWatch({
    cpuMs: () => this.#cpuMs(),
    onExcess: (excess, ms) => this.#end(excessOf(excess, ms)),
  });
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(limits: ThreadLimits, onEnded: (thread: DocumentThread) => void) {
    this.#limits = limits;
    this.#worker = new Worker(THREAD, {
      name: "documents",
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: limits.threadMemoryMb },
    });
    this.#worker.on("message", (message: FromDocumentThread) => this.#hear(message));
    this.#worker.on("error", (error) => this.#end(deathOf(error, limits)));
    this.#worker.on("exit", () => {
      this.#end(new Error("the thread that read the document ended"));
      onEnded(this);
    });
  }

  run(task: DocumentTask, step: DocumentStep): Promise<DocumentOutput> {
    clearTimeout(this.#idleTimer);
    this.#worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<DocumentOutput>();
    this.#run = { step, resolve, reject };
    const onAbort = (): void => this.#end(toError(step.signal.reason));
    step.signal.addEventListener("abort", onAbort, { once: true });
    this.#watch.begin(this.#limits.stepMs);
    this.#send({ type: "task", task });
    return promise.finally(() => {
      this.#watch.end();
      step.signal.removeEventListener("abort", onAbort);
    });
  }

  /** Waits for the next document without keeping the process alive. */
  rest(): void {
    this.#worker.unref();
    this.#idleTimer = setTimeout(() => this.#end(new Error("idle")), IDLE_MS);
    this.#idleTimer.unref();
  }

  #hear(message: FromDocumentThread): void {
    const run = this.#run;
    if (run === null || !this.isAlive) return;
    try {
      if (message.type === "stage") {
        this.#watch.begin(message.name === "storing" ? this.#limits.storingMs : this.#limits.stepMs);
        run.step.stage(message.name, message);
      } else if (message.type === "units") void this.#count(run, message);
      else if (message.type === "cached") run.step.cached();
      else {
        this.#run = null;
        if (message.type === "done") run.resolve(message.output);
        else run.reject(failureOf(message));
      }
    } catch (error) {
      // The lease is lost: nothing that the thread does counts any more.
      this.#end(toError(error));
    }
  }

  async #count(run: Run, { done, total }: { readonly done: number; readonly total: number }): Promise<void> {
    try {
      run.step.progress(done, total);
      this.#watch.end();
      await run.step.paused();
      if (this.#run !== run) return;
      this.#watch.begin();
      this.#send({ type: "go" });
    } catch (error) {
      this.#end(toError(error));
    }
  }

  /** Rejects where Node is older than 24.6 or the thread has ended. */
  async #cpuMs(): Promise<number> {
    const { user, system } = await this.#worker.cpuUsage();
    return (user + system) / 1_000;
  }

  #send(message: ToDocumentThread): void {
    this.#worker.postMessage(message);
  }

  #end(error: Error): void {
    this.isAlive = false;
    this.#watch.end();
    clearTimeout(this.#idleTimer);
    const run = this.#run;
    this.#run = null;
    // Only then may another attempt begin: an ended thread writes nothing more.
    void this.#worker.terminate().finally(() => run?.reject(error));
  }
}

/** What an ended thread could not clean up itself. */
async function discardDraftOf({ sha256, options }: DocumentTask): Promise<void> {
  if (sha256 === null) return;
  const { LibraryFile } = await import("./library/library-file.ts");
  const { discardDraft } = await import("./library/draft.ts");
  const file = await LibraryFile.open(options.index, { embedder: await loadEmbedder(options.model) });
  try {
    discardDraft(file, { sha256, settings: settingsOf(options) });
  } finally {
    file.close();
  }
}

function deathOf(error: Error, limits: ThreadLimits): Error {
  if ("code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return documentError(
      "DOCUMENT_TOO_LARGE",
      `reading the document takes more than ${limits.threadMemoryMb} MiB of memory`,
    );
  }
  return new Error(`the thread that read the document died: ${error.message}`, { cause: error });
}

/** Too much work is the document's fault; what waits may go faster another time, and goes on where it was. */
function excessOf(excess: StepExcess, ms: number): Error {
  const seconds = Math.round(ms / 1_000);
  if (excess === "processor") {
    return documentError(
      "INVALID_DOCUMENT",
      `reading the document took more than ${seconds} s of processor time for one step`,
    );
  }
  return new Error(
    `a step of reading the document has not ended within ${seconds} s: the machine is overloaded, or a disk does not answer`,
  );
}

function failureOf({ message, code, isFinal }: Extract<FromDocumentThread, { readonly type: "failed" }>): Error {
  if (isFinal) return new NoRetryError(message, code === null ? {} : { code });
  return Object.assign(new Error(message), code === null ? {} : { code });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
