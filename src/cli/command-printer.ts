import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandObserver } from "../pipelines/command/command-pipeline.ts";
import type { Io, OutputStream } from "./io.ts";

/** Output of one command up to this many bytes is kept in memory; more goes to a temporary file. */
const MEMORY_BYTES = 1_048_576;
const BLOCK_BYTES = 65_536;

/** Prints what commands printed, stdout to stdout and stderr to stderr: each command's output whole, when it has ended. */
export class CommandPrinter {
  readonly #io: Io;
  #turn: Promise<void> = Promise.resolve();

  constructor(io: Io) {
    this.#io = io;
  }

  /** Follows one attempt and prints its output at its end. Attempts that end together print one after the other. */
  observe(): CommandObserver {
    const outputs = { stdout: new OutputBuffer(), stderr: new OutputBuffer() };
    return {
      output: (stream, chunk) => outputs[stream].add(chunk),
      ended: () => {
        const printed = this.#turn.then(async () => {
          await outputs.stdout.drainTo(this.#io.stdout);
          await outputs.stderr.drainTo(this.#io.stderr);
        });
        // The trouble of one command must not keep the next from its turn.
        this.#turn = printed.catch(() => {});
        return printed;
      },
    };
  }
}

/** A stream's bytes until they are wanted. */
class OutputBuffer {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #file: number | null = null;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MEMORY_BYTES) this.#spill();
  }

  async drainTo(stream: OutputStream): Promise<void> {
    if (this.#file !== null) {
      const block = Buffer.alloc(BLOCK_BYTES);
      let position = 0;
      for (let bytes = -1; bytes !== 0; position += bytes) {
        bytes = readSync(this.#file, block, 0, block.length, position);
        // Waits until the reader has taken it, so that a slow one does not fill the memory.
        if (bytes > 0) await written(stream, Buffer.from(block.subarray(0, bytes)));
      }
      closeSync(this.#file);
      this.#file = null;
    }
    for (const chunk of this.#chunks.splice(0)) await written(stream, chunk);
  }

  #spill(): void {
    const chunks = this.#chunks.splice(0);
    this.#bytes = 0;
    const file = this.#file ?? openUnnamed();
    this.#file = file;
    try {
      for (const chunk of chunks) writeFileSync(file, chunk);
    } catch (error) {
      // A full disk gets back what this command took of it: others need it.
      closeSync(file);
      this.#file = null;
      throw error;
    }
  }
}

function written(stream: OutputStream, bytes: Buffer): Promise<void> {
  // A reader that went away is the stream's own error, and ends the process there.
  return new Promise((resolve) => void stream.write(bytes, () => resolve()));
}

/** A temporary file without a name: it is gone with this process, however that ends. */
function openUnnamed(): number {
  const path = join(tmpdir(), `milepost-output-${randomUUID()}`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
}
