import { expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { SILENT_MS, Turns } from "./turns.ts";

function make(most: number) {
  const clock = new ManualClock();
  const turns = new Turns({ clock, most });
  const told: string[] = [];
  const turnsOf = new Map<string, (isAnswered: boolean) => void>();
  const ask = async (name: string, isUrgent = false): Promise<void> => {
    try {
      turnsOf.set(name, await turns.begin({ isUrgent }));
      told.push(name);
    } catch (error) {
      told.push(`${name}: ${(error as { reason: string }).reason}`);
    }
  };
  /** What was told since the last look. */
  const next = async (): Promise<readonly string[]> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    return told.splice(0);
  };
  const end = (name: string, isAnswered = true): void => turnsOf.get(name)?.(isAnswered);
  return { clock, turns, ask, end, next };
}

test("turns are given in the order of asking, to urgent calls first, and neither kind keeps out the other", async () => {
  const { ask, end, next, clock } = make(2);
  for (const name of ["a", "b", "c", "d"]) void ask(name);
  expect(await next()).toEqual(["a", "b"]);
  for (const name of ["x", "y", "z"]) void ask(name, true);
  expect(await next()).toEqual(["x"]);
  end("a");
  expect(await next()).toEqual(["y"]);
  end("b");
  expect(await next()).toEqual(["c"]);
  end("c");
  expect(await next()).toEqual(["d"]);
  end("x");
  expect(await next()).toEqual(["z"]);
  expect(clock.timers).toBe(0);
});

test("a queue is waited in as long as those before are answered", async () => {
  const { clock, ask, end, next } = make(1);
  for (let call = 0; call < 100; call++) void ask(`${call}`);
  expect(await next()).toEqual(["0"]);
  for (let call = 1; call < 100; call++) {
    clock.advance(SILENT_MS - 1);
    end(`${call - 1}`);
    expect(await next()).toEqual([`${call}`]);
  }
  expect(clock.timers).toBe(0);
});

test("who waits is refused once nothing was answered for long, and whoever came later has his time", async () => {
  const { clock, ask, end, next } = make(1);
  for (const name of ["a", "b", "c"]) void ask(name);
  expect(await next()).toEqual(["a"]);
  clock.advance(SILENT_MS - 1);
  void ask("d");
  end("a", false);
  expect(await next()).toEqual(["b"]);
  clock.advance(1);
  expect(await next()).toEqual(["c: silent"]);
  clock.advance(SILENT_MS);
  expect(await next()).toEqual(["d: silent"]);
  expect(clock.timers).toBe(0);
});

test("closing refuses those who wait and who come later", async () => {
  const { clock, turns, ask, end, next } = make(1);
  for (const name of ["a", "b"]) void ask(name);
  turns.close();
  void ask("c");
  expect(await next()).toEqual(["a", "c: closed", "b: closed"]);
  end("a");
  expect(await next()).toEqual([]);
  expect(clock.timers).toBe(0);
});
