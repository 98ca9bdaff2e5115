import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type Batch, type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

const SCRIPT = fileURLToPath(new URL("../../examples/python-worker.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;

interface Python {
  readonly child: ChildProcess;
  /** Resolves when a line was printed that holds the text. */
  readonly said: (text: string) => Promise<void>;
  /** Its exit status. */
  readonly ended: Promise<number | null>;
  /** Ends it and resolves with its exit status. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

function startPython(url: string, options: readonly string[] = []): Python {
  const env = { ...process.env, MILEPOST_TOKEN: TOKEN, no_proxy: "*" };
  const child = spawn("python3", [SCRIPT, url, ...options], { env, stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const lines: string[] = [];
  const printed = createInterface({ input: child.stderr });
  let hear = (): void => {};
  printed.on("line", (line) => {
    lines.push(line);
    hear();
  });
  return {
    child,
    ended: exited,
    said: async (text) => {
      while (!lines.some((line) => line.includes(text))) {
        await new Promise<void>((resolve, reject) => {
          hear = resolve;
          printed.once("close", () => reject(new Error(`it ended before it said "${text}": ${lines.join("\n")}`)));
        });
      }
    },
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

async function open(location: string): Promise<Milepost> {
  const milepost = await openMilepost(location, { logger: SILENT });
  onTestFinished(() => milepost.close());
  return milepost;
}

/** Resolves when so many lines were counted of an item. */
async function counted(batch: Batch, key: string, lines: number): Promise<void> {
  for await (const _ of batch.watch()) {
    if (((await batch.item(key).snapshot()).progress.done ?? 0) >= lines) return;
  }
}

const text = (lines: number): string => Array.from({ length: lines }, (_, line) => `line ${line}`).join("\n");

test.skipIf(!hasPython)("the worker in Python (needs python3) works, fails and counts as told", async () => {
  const milepost = await open(join(temporaryFolder(), "work.db"));
  const { url } = await startServer({ milepost });
  const { batch } = await milepost.submit({
    pipeline: "words",
    items: ["one", "two", "none"].map((key, index) => ({
      key,
      input: { text: key === "none" ? "" : text(index + 1) },
    })),
  });
  const python = startPython(url, ["--concurrency", "2"]);
  expect(await batch.done()).toMatchObject({ counts: { completed: 2, failed: 1 } });
  expect(await batch.item("two").snapshot()).toMatchObject({ output: { words: 4 }, attempts: 1 });
  expect(await batch.item("none").snapshot()).toMatchObject({
    attempts: 1,
    error: { message: "there is nothing to count" },
  });
  expect(await python.end("SIGTERM")).toBe(143);
  expect(await milepost.workers()).toEqual([]);
});

test.skipIf(!hasPython)(
  "the worker in Python (needs python3) finishes what it runs when it is drained, and ends",
  async () => {
    const milepost = await open(join(temporaryFolder(), "work.db"));
    const { url } = await startServer({ milepost });
    const { batch } = await milepost.submit({
      pipeline: "words",
      options: { secondsPerLine: 0.02 },
      items: ["first", "second"].map((key) => ({ key, input: { text: text(20) } })),
    });
    const python = startPython(url);
    await counted(batch, "first", 1);
    const [worker] = await milepost.workers();
    await milepost.drain(worker?.id ?? "", { untilLeft: true });
    await python.said("drained");
    expect(await python.ended).toBe(0);
    expect((await batch.snapshot()).counts).toMatchObject({ completed: 1, pending: 1 });
  },
);

test.skipIf(!hasPython)(
  "the worker in Python (needs python3) pauses, outlives a restart and gives back at Ctrl-C",
  async () => {
    const location = join(temporaryFolder(), "work.db");
    const first = await open(location);
    const server = await startServer({ milepost: first });
    const port = Number(new URL(server.url).port);
    const options = { secondsPerLine: 0.02 };
    const { batch, id } = await first.submit({
      pipeline: "words",
      options,
      items: [{ key: "long", input: { text: text(150) } }],
    });
    const python = startPython(server.url);
    await counted(batch, "long", 5);
    await batch.pause();
    await server.close();
    await first.close();
    await python.said("trying again");

    const second = await open(location);
    await startServer({ milepost: second, port });
    const again = second.batch(id);
    await again.resume();
    const { progress } = await again.item("long").snapshot();
    await counted(again, "long", (progress.done ?? 0) + 5);
    expect(await again.item("long").snapshot()).toMatchObject({ state: "processing", attempts: 1 });
    expect(await python.end("SIGINT")).toBe(130);
    await python.said("gave back 1 and left");
    expect(await again.item("long").snapshot()).toMatchObject({ state: "pending", crashes: 0 });

    startPython(`http://127.0.0.1:${port}`);
    expect(await again.done()).toMatchObject({ outcome: "success" });
    expect(await again.item("long").snapshot()).toMatchObject({ output: { words: 300 }, attempts: 2 });
  },
);
