import { LIMITS } from "../../../src/core/limits.ts";

/** Something that waits in a line: a lower priority is before a higher one, and of the same the older. */
export interface Waiting {
  readonly id: string;
  readonly priority: number;
}

export interface PriorityChange {
  readonly id: string;
  readonly priority: number;
}

/**
 * The priorities that bring one of a line to another place: of it alone where there is room between its new neighbours, else
 * of as few as possible behind it.
 *
 * @param line in its order; `age` says the place of each among all by age
 */
export function reorder(
  line: readonly (Waiting & { readonly age: number })[],
  from: number,
  to: number,
): readonly PriorityChange[] {
  const moved = line[from];
  if (moved === undefined || from === to || to < 0 || to >= line.length) return [];
  const rest = line.filter((_, index) => index !== from);
  const before = rest[to - 1];
  const after = rest[to];
  const least = before === undefined ? null : behind(before, moved);
  const most = after === undefined ? null : after.priority - (moved.age < after.age ? 0 : 1);
  if (least === null) return most === null ? [] : [{ id: moved.id, priority: Math.max(most, -LIMITS.priority) }];
  if (most === null || least <= most) return [{ id: moved.id, priority: nearest(moved.priority, least, most) }];
  // No room: those behind it move on, until one has room.
  const changes: PriorityChange[] = [{ id: moved.id, priority: least }];
  let last = { ...moved, priority: least };
  for (const next of rest.slice(to)) {
    const needed = behind(last, next);
    if (next.priority >= needed) break;
    changes.push({ id: next.id, priority: needed });
    last = { ...next, priority: needed };
  }
  return changes;
}

/** The lowest priority with which one is behind another. */
function behind(before: { readonly priority: number; readonly age: number }, one: { readonly age: number }): number {
  return before.priority + (one.age > before.age ? 0 : 1);
}

function nearest(value: number, least: number, most: number | null): number {
  return Math.max(least, most === null ? value : Math.min(value, most));
}
