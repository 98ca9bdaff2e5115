import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Piscina } from "piscina";
import type { ItemError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Attempt } from "../attempt.ts";
import { type Runner, ThreadCrash } from "../executor.ts";
import type { HandlerItem, Step, ThreadedRun } from "../pipeline.ts";
import type { FromThread, ThreadResult, ToThread } from "./messages.ts";

/** Runs a pipeline's module in worker threads, one attempt at a time in each. */
export class ThreadRunner implements Runner {
  readonly #pool: Piscina;
  readonly #module: URL;
  readonly #discard: ThreadedRun["discard"];
  readonly #kills = new Map<Step, AbortController>();
  readonly #running = new Set<HandlerItem>();
  readonly #onExit = (): void => {
    for (const item of this.#running) this.#discard(item);
  };

  constructor(options: ThreadedRun & { readonly threads: number }) {
    this.#module = options.module;
    this.#discard = options.discard;
    process.on("exit", this.#onExit);
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#pool = new Piscina({
      filename: new URL(`./thread-entry.${ending}`, import.meta.url).href,
      name: "runInThread",
      minThreads: 0,
      maxThreads: options.threads,
      idleTimeout: 30_000,
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
    });
    // Every crash also rejects the run it belongs to; the event alone would end the process.
    this.#pool.on("error", () => {});
  }

  readonly handler = async (item: HandlerItem, step: Step): Promise<Json | undefined> => {
    const { port1, port2 } = new MessageChannel();
    const kill = new AbortController();
    this.#kills.set(step, kill);
    this.#running.add(item);
    serve(port1, step);
    try {
      const result = await this.#runInPool({ module: this.#module.href, item, port: port2 }, kill.signal);
      if ("output" in result) return result.output;
      throw toError(result.error);
    } catch (error) {
      if (error instanceof ThreadCrash) this.#discard(item);
      throw error;
    } finally {
      this.#running.delete(item);
      this.#kills.delete(step);
      port1.close();
    }
  };

  /** Every rejection means that the thread died: what a handler throws comes back as data. */
  async #runInPool(
    task: { readonly module: string; readonly item: unknown; readonly port: MessagePort },
    signal: AbortSignal,
  ): Promise<ThreadResult> {
    try {
      return (await this.#pool.run(task, { transferList: [task.port], signal })) as ThreadResult;
    } catch (error) {
      throw new ThreadCrash(`the thread died: ${String(error)}`);
    }
  }

  kill(attempt: Attempt): void {
    this.#kills.get(attempt)?.abort();
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await this.#pool.destroy();
    process.off("exit", this.#onExit);
  }
}

function serve(port: MessagePort, step: Step): void {
  const answer = (id: number, done: Promise<void>): void => {
    done.then(
      () => post(port, { type: "answer", id, error: null }),
      (error: unknown) => post(port, { type: "answer", id, error: String(error) }),
    );
  };
  port.on("message", (message: FromThread) => {
    try {
      if (message.type === "save") answer(message.id, step.save(message.data));
      else if (message.type === "paused") answer(message.id, step.paused());
      else if (message.type === "stage") step.stage(message.name, message);
      else if (message.type === "progress") step.progress(message.done, message.total, message.unit);
      else if (message.type === "cached") step.cached();
      else if (message.type === "message") step.message(message.text);
      else step.log(message.message, message.details);
    } catch (error) {
      // The handler is in another thread and past this call: it hears of it in the log.
      step.log("a report of the handler was refused", { error: String(error) });
    }
  });
  step.signal.addEventListener("abort", () => post(port, { type: "abort", reason: String(step.signal.reason) }), {
    once: true,
  });
  if (step.signal.aborted) post(port, { type: "abort", reason: String(step.signal.reason) });
}

function post(port: MessagePort, message: ToThread): void {
  port.postMessage(message);
}

function toError(data: ItemError): Error {
  return Object.assign(new Error(data.message), { name: data.name, code: data.code });
}
