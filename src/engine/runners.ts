import type { Runner } from "./executor.ts";
import type { Pipeline, ThreadedRun } from "./pipeline.ts";
import type { ThreadRunner } from "./threads/thread-runner.ts";

/** One runner for each pipeline of a worker; thread pools are started when their first item comes. */
export class Runners {
  readonly #threads: number;
  readonly #runners = new Map<string, Runner>();
  readonly #pools: Promise<ThreadRunner>[] = [];

  constructor(threads: number) {
    this.#threads = threads;
  }

  of(pipeline: Pipeline): Runner {
    const known = this.#runners.get(pipeline.name);
    if (known !== undefined) return known;
    const runner = "handler" in pipeline.run ? { handler: pipeline.run.handler } : this.#threaded(pipeline.run);
    this.#runners.set(pipeline.name, runner);
    return runner;
  }

  async close(): Promise<void> {
    for (const pool of this.#pools) await (await pool).close();
  }

  #threaded(run: ThreadedRun): Runner {
    let loaded: ThreadRunner | null = null;
    let loading: Promise<ThreadRunner> | null = null;
    const load = (): Promise<ThreadRunner> => {
      if (loading === null) {
        loading = import("./threads/thread-runner.ts").then((module) => {
          loaded = new module.ThreadRunner({ ...run, threads: this.#threads });
          return loaded;
        });
        this.#pools.push(loading);
      }
      return loading;
    };
    return {
      handler: async (item, step) => (await load()).handler(item, step),
      kill: (attempt) => loaded?.kill(attempt),
    };
  }
}
