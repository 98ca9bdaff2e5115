import { describe, expect, test } from "vitest";
import { openForTest } from "../support/open-for-test.ts";

const module = new URL("../support/thread-handler.ts", import.meta.url);

describe("pipelines in worker threads", () => {
  test("report, save and return like handlers in the process", async () => {
    const milepost = await openForTest("memory");
    milepost.pipeline({ name: "threads", module, stages: ["one", "two"] });
    await milepost.work({ concurrency: 2 });
    const { batch } = await milepost.submit({ pipeline: "threads", items: ["fine", { key: "input", input: [1] }] });
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    expect((await batch.item("input").snapshot()).output).toEqual({ input: [1], isMainThread: false });
  });

  test.each([
    ["exit", "POISON"],
    ["memory", "POISON"],
  ])(
    "a thread that dies by %s ends its attempt as a crash, then its item as poison; the others go on",
    async (key, code) => {
      const milepost = await openForTest("memory");
      milepost.pipeline({ name: "threads", module, threadMemoryMb: 32, crashBudget: 2 });
      await milepost.work({ concurrency: 2 });
      const { batch } = await milepost.submit({ pipeline: "threads", items: [key, "fine", "fine too"] });
      expect((await batch.done()).counts).toMatchObject({ completed: 2, failed: 1 });
      const item = await batch.item(key).snapshot();
      expect(item).toMatchObject({ state: "failed", crashes: 2, error: { code } });
      expect((await batch.item(key).attempts()).map(({ outcome }) => outcome)).toEqual(["crashed", "crashed"]);
    },
  );

  test("what a handler throws keeps its name, code and meaning across the thread", async () => {
    const milepost = await openForTest("memory");
    milepost.pipeline({ name: "threads", module });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "threads", items: ["never"] });
    await batch.done();
    expect(await batch.item("never").snapshot()).toMatchObject({
      attempts: 1,
      crashes: 0,
      error: { name: "NoRetryError", code: "INVALID", message: "the worker process exited: never again" },
    });
  });

  test("a handler that blocks its thread past its time limit is ended with it", async () => {
    const milepost = await openForTest("memory");
    milepost.pipeline({ name: "threads", module, attempts: 1, timeoutMs: 2_000 });
    await milepost.work({ abortGraceMs: 20 });
    const { batch } = await milepost.submit({ pipeline: "threads", items: ["block", "fine"] });
    expect((await batch.done()).counts).toMatchObject({ completed: 1, failed: 1 });
    expect((await batch.item("block").snapshot()).error).toMatchObject({ code: "TIMEOUT" });
  });

  test("an abort reaches the handler's signal", async () => {
    const milepost = await openForTest("memory");
    milepost.pipeline({ name: "threads", module, attempts: 1, timeoutMs: 300 });
    await milepost.work({ abortGraceMs: 10_000 });
    const { batch } = await milepost.submit({ pipeline: "threads", items: ["wait"] });
    await batch.done();
    expect((await batch.item("wait").snapshot()).error).toMatchObject({ code: "TIMEOUT" });
  });
});
