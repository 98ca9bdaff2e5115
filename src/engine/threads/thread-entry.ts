import type { MessagePort } from "node:worker_threads";
import { toItemError } from "../../core/item-error.ts";
import { type Json, toJsonText } from "../../core/json.ts";
import type { Handler, Step } from "../pipeline.ts";
import type { FromThread, ThreadResult, ThreadTask, ToThread } from "./messages.ts";

/**
 * Runs one attempt inside a pool's thread: loads the pipeline's module and gives its handler a `Step` that speaks over a port.
 * What the handler throws comes back as data: an error that crosses threads would lose its name and code, and any
 * rejection of the run itself then means that the thread died.
 */
export async function runInThread(task: ThreadTask): Promise<ThreadResult> {
  const line = new Line(task.port);
  try {
    const loaded: { readonly handler?: unknown } = await import(task.module);
    if (typeof loaded.handler !== "function") {
      return {
        error: {
          name: "NoRetryError",
          message: `${task.module} must export a function named handler`,
          code: "HANDLER",
        },
      };
    }
    const output = await (loaded.handler as Handler)(task.item, line);
    return { output: output === undefined ? null : (JSON.parse(toJsonText(output, "the output")) as Json) };
  } catch (thrown) {
    return { error: toItemError(thrown) };
  } finally {
    line.close();
  }
}

class Line implements Step {
  readonly #port: MessagePort;
  readonly #controller = new AbortController();
  readonly #answers = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: ToThread) => {
      if (message.type === "abort") this.#controller.abort(new DOMException(message.reason, "AbortError"));
      else this.#answer(message.id, message.error);
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stage(name: string, units: { readonly total?: number; readonly unit?: string } = {}): void {
    this.#send({ type: "stage", name, ...units });
  }

  progress(done: number, total: number, unit?: string): void {
    this.#send({ type: "progress", done, total, ...(unit === undefined ? {} : { unit }) });
  }

  cached(): void {
    this.#send({ type: "cached" });
  }

  message(text: string): void {
    this.#send({ type: "message", text });
  }

  save(data: Json): Promise<void> {
    return this.#ask((id) => ({ type: "save", id, data }));
  }

  paused(): Promise<void> {
    return this.#ask((id) => ({ type: "paused", id }));
  }

  log(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#send({ type: "log", message, details });
  }

  close(): void {
    this.#port.close();
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #ask(question: (id: number) => FromThread): Promise<void> {
    const id = ++this.#lastId;
    const answer = new Promise<void>((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#send(question(id));
    });
    // As in the process: a report that nobody waits for must not end the thread.
    answer.catch(() => {});
    return answer;
  }

  #answer(id: number, error: string | null): void {
    const waiter = this.#answers.get(id);
    this.#answers.delete(id);
    if (error === null) waiter?.resolve();
    else waiter?.reject(new Error(error));
  }
}
