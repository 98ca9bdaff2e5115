import { expect, test } from "vitest";
import { SeededRandom } from "../../../src/testing/seeded-random.ts";
import { reorder } from "./reorder.ts";

interface Placed {
  readonly id: string;
  readonly priority: number;
  readonly age: number;
}

/** The order in which they would start. */
function inOrder(line: readonly Placed[]): readonly Placed[] {
  return line.toSorted((one, two) => one.priority - two.priority || one.age - two.age);
}

function lineOf(priorities: readonly number[]): readonly Placed[] {
  return inOrder(priorities.map((priority, age) => ({ id: `${age}`, priority, age })));
}

test("one that is moved takes what priority it needs, and nothing else changes", () => {
  const line = lineOf([0, 0, 0, 0]);
  expect(reorder(line, 3, 0)).toEqual([{ id: "3", priority: -1 }]);
  expect(reorder(line, 0, 3)).toEqual([{ id: "0", priority: 1 }]);
  expect(reorder(lineOf([0, 5, 9]), 2, 1)).toEqual([{ id: "2", priority: 4 }]);
  expect(reorder(line, 1, 1)).toEqual([]);
  expect(reorder(line, 1, 4)).toEqual([]);
});

test("where there is no room between two, those behind move on", () => {
  expect(reorder(lineOf([0, 0, 0, 0, 5]), 3, 1)).toEqual([
    { id: "3", priority: 0 },
    { id: "1", priority: 1 },
    { id: "2", priority: 1 },
  ]);
});

test("after any move the line is as it was asked for", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 2_000; round++) {
    const line = lineOf(Array.from({ length: random.between(1, 9) }, () => random.between(-3, 3)));
    const [from, to] = [random.between(0, line.length - 1), random.between(0, line.length - 1)];
    const wanted = line.map(({ id }) => id);
    wanted.splice(to, 0, ...wanted.splice(from, 1));
    const changed = new Map(reorder(line, from, to).map(({ id, priority }) => [id, priority]));
    const after = inOrder(line.map((one) => ({ ...one, priority: changed.get(one.id) ?? one.priority })));
    expect(after.map(({ id }) => id)).toEqual(wanted);
  }
});
