import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Figures } from "./case.ts";
import { compile } from "./compile.ts";
import { interruption } from "./interruption.ts";

/** A folder with the compiled package and room for stores, in which cases are measured one after the other. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "milepost-bench-"));

  constructor() {
    try {
      compile(this.#folder);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A path inside the folder. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Removes an SQLite file with all that belongs to it. */
  removeStore(path: string): void {
    for (const ending of ["", "-wal", "-shm"]) rmSync(path + ending, { force: true });
  }

  /**
   * Measures a case (`engine/create`: a file below bench/) in a fresh process, so that memory is its own and nothing is warm
   * from what ran before. What it prints goes to stderr.
   *
   * @throws {Error} if the process ends without figures; it has said why on stderr.
   */
  async measure(name: string, input: object): Promise<Figures> {
    interruption.throwIfAborted();
    const module = pathToFileURL(this.path(`bench/${name}.js`)).href;
    return new Promise((resolve, reject) => {
      const child = fork(this.path("bench/case-process.js"), [module, JSON.stringify(input)], {
        execArgv: ["--expose-gc"],
        stdio: ["ignore", process.stderr, process.stderr, "ipc"],
        signal: interruption,
      });
      let figures: Figures | null = null;
      child.on("message", (message) => {
        figures = message as Figures;
      });
      child.once("error", () => reject(interruption.reason ?? new Error(`${name} could not be started`)));
      child.once("close", (status, signal) => {
        if (figures !== null && status === 0) resolve(figures);
        else reject(new Error(`measuring ${name} ended with ${signal ?? `status ${status}`} and no figures`));
      });
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
