import type { WireBatch } from "../../../src/wire/batch.ts";
import { type PriorityChange, reorder } from "../exports/reorder.ts";

type Turn = Pick<WireBatch, "id" | "queue" | "priority" | "createdAt" | "endedAt">;

/** Where a batch is brought to: the place of another, or one place further among those that are shown. */
export type NewPlace = WireBatch | "up" | "down";

/** Which of one queue runs sooner: a lower priority, and of the same the older. */
export function byTurn(one: Turn, two: Turn): number {
  if (one.id === two.id) return 0;
  if (one.priority !== two.priority) return one.priority - two.priority;
  // Not by the ids: they are made before, and two of one millisecond are in no order.
  if (one.createdAt !== two.createdAt) return one.createdAt < two.createdAt ? -1 : 1;
  return one.id < two.id ? -1 : 1;
}

/** The batches of a queue that have not ended, in the order in which they run. */
export function lineOf<T extends Turn>(batches: Iterable<T>, queue: string): readonly T[] {
  const line: T[] = [];
  for (const batch of batches) if (batch.queue === queue && batch.endedAt === null) line.push(batch);
  return line.sort(byTurn);
}

/** True if one may take the place of the other: both wait or run in the same queue. */
export function canTakePlace(one: Turn, two: Turn): boolean {
  return one.id !== two.id && one.queue === two.queue && one.endedAt === null && two.endedAt === null;
}

/** The next in a list, upwards or downwards, whose place a batch can take. */
export function nextPlace<T extends Turn>(list: readonly T[], id: string, way: "up" | "down"): T | undefined {
  const from = list.findIndex((batch) => batch.id === id);
  const moved = list[from];
  if (moved === undefined) return undefined;
  const isPlace = (batch: T): boolean => canTakePlace(moved, batch);
  return way === "up" ? list.slice(0, from).findLast(isPlace) : list.slice(from + 1).find(isPlace);
}

/** The priorities that bring one batch of a line to the place of another. */
export function turnChanges(line: readonly Turn[], moved: string, target: string): readonly PriorityChange[] {
  // Of two that were made in the same millisecond the time does not say which is the older: only a priority parts them.
  const aged = line.map(({ id, priority, createdAt }) => ({ id, priority, age: Date.parse(createdAt) }));
  const placeOf = (id: string): number => line.findIndex((batch) => batch.id === id);
  const [from, to] = [placeOf(moved), placeOf(target)];
  return to === -1 ? [] : reorder(aged, from, to);
}
