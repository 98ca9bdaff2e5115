import { addSpans, cellAt, type Statistics } from "./statistics.ts";

/**
 * Adds to `into` what another process gathered. Sums add up; the clock stays that of `into`, whose owner moves it.
 * Commutative up to rounding, except for what was cached before the first item ran and for spans of unlike width, which are
 * put where their middle falls.
 */
export function merge(into: Statistics, part: Statistics): void {
  into.left += part.left;
  for (const [kind, octaves] of Object.entries(part.cells)) {
    for (const [octave, cell] of Object.entries(octaves)) {
      addNumbers(cellAt(into, kind, octave), cell);
    }
  }
  addSpans(into.spans, part.spans);
  addNumbers(into.settled, part.settled);
  for (const key of ["n", "log", "square"] as const) {
    for (const [step, value] of part.curve[key].entries()) into.curve[key][step] = (into.curve[key][step] ?? 0) + value;
  }
}

function addNumbers<K extends string>(into: Record<K, number>, part: Readonly<Record<K, number>>): void {
  for (const key in part) into[key] += part[key];
}
