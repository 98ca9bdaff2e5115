import { describe, expect, test } from "vitest";
import { type HandlerItem, MilepostError, NoRetryError, type Step } from "../../src/index.ts";
import { aborted, openForTest, STORES, signal } from "../support/open-for-test.ts";

describe.each(STORES)("attempts on %s", (store) => {
  test("runs every item once and keeps its output", async () => {
    const milepost = await openForTest(store);
    const runs: string[] = [];
    milepost.pipeline("upper", (item) => {
      runs.push(item.key);
      return { upper: item.key.toUpperCase(), given: item.input };
    });
    await milepost.work({ concurrency: 3 });
    const keys = Array.from({ length: 50 }, (_, index) => `item-${index}`);
    const { batch, added } = await milepost.submit({
      pipeline: "upper",
      items: keys.map((key) => ({ key, input: { key } })),
    });
    const ended = await batch.done();
    expect(added).toBe(50);
    expect(ended).toMatchObject({ status: "completed", outcome: "success", percent: 100, processed: 50 });
    expect(ended.counts).toEqual({ total: 50, pending: 0, processing: 0, completed: 50, failed: 0, cancelled: 0 });
    expect(runs.toSorted()).toEqual(keys.toSorted());
    expect(await batch.item("item-7").snapshot()).toMatchObject({
      state: "completed",
      fraction: 1,
      attempts: 1,
      output: { upper: "ITEM-7", given: { key: "item-7" } },
    });
  });

  test("tries again with back-off, then fails with the last error; each attempt is kept", async () => {
    const milepost = await openForTest(store);
    let attempt = 0;
    milepost.pipeline({
      name: "flaky",
      attempts: 3,
      delayMs: 1,
      handler: () => {
        throw new Error(`failure ${++attempt}`);
      },
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "flaky", items: ["a"] });
    expect(await batch.done()).toMatchObject({ status: "failed", outcome: null });
    const attempts = await batch.item("a").attempts();
    expect(attempts.map(({ outcome, error, token }) => [token, outcome, error?.message])).toEqual([
      [1, "failed", "failure 1"],
      [2, "failed", "failure 2"],
      [3, "failed", "failure 3"],
    ]);
    expect(await batch.failures()).toMatchObject([{ message: "failure 3", items: 1, example: { key: "a" } }]);
  });

  test("a no-retry error fails at once", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("broken", () => {
      throw new NoRetryError("never", { code: "INVALID_IMAGE" });
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "broken", items: ["a"] });
    await batch.done();
    const item = await batch.item("a").snapshot();
    expect(item).toMatchObject({ state: "failed", attempts: 1, error: { message: "never", code: "INVALID_IMAGE" } });
  });

  test.each([
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["a text", "plain text", "plain text"],
    [
      "an error whose message throws",
      Object.defineProperty(new Error("x"), "message", {
        get: () => {
          throw new Error("trap");
        },
      }),
      "no error",
    ],
    [
      "a proxy that refuses all",
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("trap");
          },
        },
      ),
      "no error",
    ],
    [
      "a proxy that refuses to say what it is",
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error("trap");
          },
        },
      ),
      "no error",
    ],
    ["an error with NUL and a lone surrogate", new Error("a\0b\ud800c"), "ab"],
  ])("throwing %s fails the item and hurts nobody", async (_name, thrown, expected) => {
    const milepost = await openForTest(store);
    milepost.pipeline({
      name: "odd",
      attempts: 1,
      handler: (item: HandlerItem) => {
        if (item.key === "bad") throw thrown;
      },
    });
    await milepost.work({ concurrency: 2 });
    const { batch } = await milepost.submit({ pipeline: "odd", items: ["good", "bad"] });
    expect((await batch.done()).counts).toMatchObject({ completed: 1, failed: 1 });
    expect((await batch.item("bad").snapshot()).error?.message).toContain(expected);
  });

  test("a huge error message is cut to 2 KiB", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline({ name: "huge", attempts: 1, handler: () => Promise.reject(new Error("é".repeat(10_000_000))) });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "huge", items: ["a"] });
    await batch.done();
    const { error } = await batch.item("a").snapshot();
    expect(Buffer.byteLength(error?.message ?? "")).toBe(2_048);
  });

  test("an output that is no JSON fails the item and says why", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline({ name: "date", attempts: 1, handler: () => ({ at: new Date() }) });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "date", items: ["a"] });
    await batch.done();
    expect((await batch.item("a").snapshot()).error).toMatchObject({ code: "NOT_JSON" });
  });

  test("saved data reaches the next attempt", async () => {
    const milepost = await openForTest(store);
    const seen: unknown[] = [];
    milepost.pipeline({
      name: "resumes",
      delayMs: 1,
      handler: async (item: HandlerItem, step: Step) => {
        seen.push(item.saved);
        if (item.attempt === 1) {
          await step.save({ page: 7 });
          throw new Error("first time");
        }
      },
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "resumes", items: ["a"] });
    await batch.done();
    expect(seen).toEqual([null, { page: 7 }]);
  });

  test("stages, units and messages are seen while the item runs; percent never passes 99 before the end", async () => {
    const milepost = await openForTest(store);
    const half = signal();
    const go = signal();
    milepost.pipeline({
      name: "staged",
      stages: [
        { name: "parse", weight: 1 },
        { name: "render", weight: 3 },
      ],
      handler: async (_item: HandlerItem, step: Step) => {
        step.stage("parse");
        step.stage("render", { total: 4, unit: "page" });
        step.progress(2, 4);
        step.message("page 2");
        await step.save(null);
        half.give();
        await go.wait;
      },
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "staged", items: ["a"] });
    await half.wait;
    expect(await batch.item("a").snapshot()).toMatchObject({
      state: "processing",
      fraction: 0.625,
      progress: { stage: "render", done: 2, total: 4, unit: "page", message: "page 2" },
    });
    expect(await batch.stages()).toEqual([{ stage: "render", items: 1 }]);
    expect((await batch.snapshot()).percent).toBe(62);
    go.give();
    expect((await batch.done()).percent).toBe(100);
    expect(await batch.stages()).toEqual([]);
  });

  test("progress that cannot be is refused, and reports after the end too", async () => {
    const milepost = await openForTest(store);
    const refused: string[] = [];
    let late: Step | null = null;
    milepost.pipeline("strict", (_item, step) => {
      late = step;
      for (const [done, total] of [
        [Number.NaN, 1],
        [-1, 1],
        [2, 1],
        [0, Number.POSITIVE_INFINITY],
      ] as const) {
        try {
          step.progress(done, total);
        } catch (error) {
          refused.push((error as MilepostError).code);
        }
      }
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "strict", items: ["a"] });
    await batch.done();
    expect(refused).toEqual(Array(4).fill("INVALID_ARGUMENT"));
    expect(() => (late as Step | null)?.progress(1, 1)).toThrow(MilepostError);
  });

  test("an attempt past its time limit is aborted and counts as a failure", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline({
      name: "slow",
      attempts: 1,
      timeoutMs: 20,
      handler: async (_item: HandlerItem, step: Step) => {
        await aborted(step.signal);
        throw step.signal.reason;
      },
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "slow", items: ["a"] });
    await batch.done();
    expect((await batch.item("a").snapshot()).error).toMatchObject({ code: "TIMEOUT" });
  });

  test("a handler that ignores its abort is left behind, and its slot is free again", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline({
      name: "stubborn",
      attempts: 1,
      timeoutMs: 10,
      handler: (item: HandlerItem) => (item.key === "stuck" ? new Promise(() => {}) : undefined),
    });
    await milepost.work({ concurrency: 1, abortGraceMs: 10 });
    const { batch } = await milepost.submit({ pipeline: "stubborn", items: ["stuck", "next"] });
    expect((await batch.done()).counts).toMatchObject({ completed: 1, failed: 1 });
  });
});
