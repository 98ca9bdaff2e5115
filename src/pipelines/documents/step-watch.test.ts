import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StepWatch } from "./step-watch.ts";

const LIMIT_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches a thread that works so large a part of the time; null: one that cannot say. */
function watchThread(share: number | null) {
  const excesses: string[] = [];
  const begun = Date.now();
  const watch = new StepWatch({
    cpuMs: () => (share === null ? Promise.reject(new Error("gone")) : Promise.resolve((Date.now() - begun) * share)),
    onExcess: (excess, ms) => excesses.push(`${excess} ${ms}`),
  });
  return { watch, excesses };
}

test("a step that works longer than its limit is ended for that", async () => {
  const { watch, excesses } = watchThread(1);
  watch.begin(LIMIT_MS);
  await vi.advanceTimersByTimeAsync(LIMIT_MS);
  expect(excesses).toEqual([]);
  await vi.advanceTimersByTimeAsync(LIMIT_MS / 10);
  expect(excesses).toEqual(["processor 1000"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("one that works little goes on however slow the clock makes it look, and is ended at ten times its limit", async () => {
  const { watch, excesses } = watchThread(0.05);
  watch.begin(LIMIT_MS);
  await vi.advanceTimersByTimeAsync(9.9 * LIMIT_MS);
  watch.begin();
  await vi.advanceTimersByTimeAsync(9.9 * LIMIT_MS);
  expect(excesses).toEqual([]);
  await vi.advanceTimersByTimeAsync(LIMIT_MS);
  expect(excesses).toEqual(["clock 10000"]);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["cannot say what it has worked", null],
  ["does not work at all", 0],
])("one that %s is ended by the clock alone", async (_name, share) => {
  const { watch, excesses } = watchThread(share);
  watch.begin(LIMIT_MS);
  await vi.advanceTimersByTimeAsync(10 * LIMIT_MS);
  expect(excesses).toEqual(["clock 10000"]);
});

test("what a step worked counts no more for the next one, and none is watched after the end", async () => {
  const { watch, excesses } = watchThread(1);
  for (let step = 0; step < 20; step++) {
    watch.begin(LIMIT_MS);
    await vi.advanceTimersByTimeAsync(0.9 * LIMIT_MS);
  }
  watch.end();
  await vi.advanceTimersByTimeAsync(100 * LIMIT_MS);
  expect(excesses).toEqual([]);
});

test("an answer that comes when its step is over says nothing of the next one", async () => {
  const asked: ((cpuMs: number) => void)[] = [];
  const excesses: string[] = [];
  const watch = new StepWatch({
    cpuMs: () => new Promise((resolve) => asked.push(resolve)),
    onExcess: (excess) => excesses.push(excess),
  });
  watch.begin(LIMIT_MS);
  await vi.advanceTimersByTimeAsync(LIMIT_MS);
  expect(asked.length).toBe(1);
  asked[0]?.(0);
  await vi.advanceTimersByTimeAsync(LIMIT_MS / 10);
  watch.begin(LIMIT_MS);
  asked[1]?.(5 * LIMIT_MS);
  await vi.advanceTimersByTimeAsync(LIMIT_MS / 10);
  asked[2]?.(5 * LIMIT_MS);
  await vi.advanceTimersByTimeAsync(LIMIT_MS / 10);
  expect(excesses).toEqual([]);
  watch.end();
});
