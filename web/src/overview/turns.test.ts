import { expect, test } from "vitest";
import { OVERVIEW } from "../address/address.ts";
import { madeBatch } from "../testing/made-batch.ts";
import { selectBatches } from "./select-batches.ts";
import { lineOf, nextPlace, turnChanges } from "./turns.ts";

const waiting = { status: "pending" } as const;
const timeOf = (second: number) => new Date(Date.UTC(2026, 10, 21, 12, 0, second)).toISOString();
const placed = (number: number, given: Parameters<typeof madeBatch>[1] = {}) =>
  madeBatch(number, { name: String(number), createdAt: timeOf(number), ...given });

test("batches of a queue stand in the order in which they run, those of queues that run something first", () => {
  const batches = [
    placed(1, { ...waiting, queue: "slow" }),
    placed(2, { ...waiting, priority: 5 }),
    placed(3),
    placed(4, waiting),
    placed(5, { status: "paused", priority: -1 }),
    placed(6, { endedAt: timeOf(50), status: "completed" }),
    placed(7, { endedAt: timeOf(40), status: "failed" }),
  ];
  const known = new Map(batches.map((batch) => [batch.id, batch]));
  expect(selectBatches(known, OVERVIEW).map(({ name }) => name)).toEqual(["5", "3", "1", "4", "2", "7", "6"]);
  expect(lineOf(batches, "main").map(({ name }) => name)).toEqual(["5", "3", "4", "2"]);
});

test("a batch that is brought to the place of another runs there, and others keep their priorities where they can", () => {
  const line = [placed(1), placed(2), placed(3)];
  const [one, two, three] = line.map(({ id }) => id);
  if (one === undefined || two === undefined || three === undefined) throw new Error("there are three");
  expect(turnChanges(line, three, one)).toEqual([{ id: three, priority: -1 }]);
  expect(turnChanges(line, one, two)).toEqual([
    { id: one, priority: 1 },
    { id: three, priority: 1 },
  ]);
  expect(turnChanges(line, one, three)).toEqual([{ id: one, priority: 1 }]);
  expect(turnChanges(line, one, "gone")).toEqual([]);
  expect(turnChanges(line, "gone", one)).toEqual([]);
});

test("of two that were made in the same millisecond a priority says which comes first", () => {
  const line = [placed(1, { createdAt: timeOf(1) }), placed(2, { createdAt: timeOf(1) })];
  const [one, two] = line.map(({ id }) => id);
  expect(turnChanges(line, one ?? "", two ?? "")).toEqual([{ id: one, priority: 1 }]);
  expect(turnChanges(line, two ?? "", one ?? "")).toEqual([{ id: two, priority: -1 }]);
});

test("of the same priority the time that a batch was made at counts, whatever its id", () => {
  const [later, sooner] = [placed(1, { createdAt: timeOf(2) }), placed(2, { createdAt: timeOf(1) })];
  expect(lineOf([later, sooner], "main").map(({ name }) => name)).toEqual(["2", "1"]);
});

test("the next place is one of the same queue that has not ended", () => {
  const list = [
    placed(1),
    placed(2, { queue: "other" }),
    placed(3),
    placed(4, { endedAt: timeOf(9) }),
    placed(5, { queue: "other" }),
  ];
  const [one, two, three, four] = list.map(({ id }) => id);
  expect(nextPlace(list, three ?? "", "up")?.id).toBe(one);
  expect(nextPlace(list, two ?? "", "down")?.name).toBe("5");
  expect(nextPlace(list, three ?? "", "down")).toBeUndefined();
  expect(nextPlace(list, one ?? "", "up")).toBeUndefined();
  expect(nextPlace(list, four ?? "", "up")).toBeUndefined();
  expect(nextPlace(list, "gone", "up")).toBeUndefined();
});
