import { expect, onTestFinished, test, vi } from "vitest";
import { Observable } from "./observable.ts";
import { PacedRead } from "./paced-read.ts";

class Counter extends Observable {
  value = 0;
  add(): void {
    this.value += 1;
    this.changed();
  }
}

test("a thousand changes between two frames are told once", () => {
  const frames: (() => void)[] = [];
  const counter = new Counter((task) => void frames.push(task));
  let told = 0;
  const leave = counter.subscribe(() => {
    told += 1;
  });
  for (let change = 0; change < 1_000; change++) counter.add();
  expect([frames.length, told, counter.version()]).toEqual([1, 0, 0]);
  frames.pop()?.();
  expect([told, counter.version(), counter.value]).toEqual([1, 1, 1_000]);
  counter.add();
  leave();
  frames.pop()?.();
  expect([told, counter.version()]).toEqual([1, 2]);
});

test("what is hinted at is read at once, then as soon as its pause allows, and never twice at a time", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const ends: (() => void)[] = [];
  let begun = 0;
  const paced = new PacedRead(() => {
    begun += 1;
    return new Promise((resolve) => void ends.push(resolve));
  });
  const finish = async (): Promise<void> => {
    ends.pop()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  paced.hint(1_000);
  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toBe(1);
  paced.hint(1_000);
  await vi.advanceTimersByTimeAsync(10);
  expect(begun).toBe(1);
  await finish();
  // It took 10 ms, and rests 10 times as long at least; a more urgent hint comes no sooner than that.
  await vi.advanceTimersByTimeAsync(50);
  paced.hint(20);
  await vi.advanceTimersByTimeAsync(49);
  expect(begun).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toBe(2);
  await finish();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(begun).toBe(2);
  paced.stop();
  paced.hint(0);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(begun).toBe(2);
});
