import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../../src/client/client.ts";
import { FrameStore } from "./frame-store.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A store whose pictures come when the timers go on. */
function storeWith(picture: () => Blob = () => new Blob(["a picture"])) {
  let reads = 0;
  const store = new FrameStore({
    read: async () => {
      reads += 1;
      return picture();
    },
    schedule: (task) => task(),
  });
  return { store, reads: () => reads, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

test("a running export's frame is read again every few seconds, if it moves", async () => {
  const { store, reads, pass } = storeWith();
  for (let frame = 0; frame < 30; frame++) {
    store.tell({ frame, isHalted: false });
    await pass(250);
  }
  expect(reads()).toBe(2);
  await pass(60_000);
  expect(reads()).toBe(3);
  expect(store.address).toMatch(/^blob:/);
  store.stop();
  expect(store.address).toBeNull();
  store.tell({ frame: 99, isHalted: false });
  await pass(60_000);
  expect(reads()).toBe(3);
});

test("where it halts its frame is read at once", async () => {
  const { store, reads, pass } = storeWith();
  store.tell({ frame: 1, isHalted: false });
  await pass(1);
  store.tell({ frame: 3, isHalted: true });
  await pass(1);
  expect(reads()).toBe(2);
  store.tell({ frame: 3, isHalted: true });
  await pass(60_000);
  expect(reads()).toBe(2);
  store.stop();
});

test("what cannot be drawn is not asked for again, what fails otherwise is", async () => {
  const problem = (status: number) => ({ type: "/problems/x", title: "x", status, detail: "x" });
  const { store, reads, pass } = storeWith(() => {
    throw reads() < 2 ? new TypeError("fetch failed") : new ApiError(problem(409), null);
  });
  store.tell({ frame: 1, isHalted: false });
  await pass(20_000);
  expect(reads()).toBe(2);
  store.tell({ frame: 2, isHalted: true });
  await pass(20_000);
  expect(reads()).toBe(2);
  store.stop();
});
