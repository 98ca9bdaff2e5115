import type { Span } from "../scene/fill.ts";
import type { Rectangle } from "./planes.ts";
import type { RowLayers } from "./text-painter.ts";

/** Something that lies over the background. */
export interface Item {
  /** Items with equal ids differ in their spans and opacity alone. */
  readonly id: string;
  readonly area: Rectangle;
  readonly opacity: number;
  readonly layers: RowLayers;
  /** What of it shows the sung colour. */
  readonly spans: readonly Span[];
}

/** Where two pictures with these items can differ; the areas may overlap. */
export function changedAreas(before: readonly Item[], after: readonly Item[]): readonly Rectangle[] {
  const known = new Map(before.map((item) => [item.id, item]));
  const areas: Rectangle[] = [];
  for (const item of after) {
    const old = known.get(item.id);
    known.delete(item.id);
    if (old === undefined || old.opacity !== item.opacity) areas.push(item.area);
    else {
      const range = differenceOf(old.spans, item.spans);
      if (range === null) continue;
      areas.push({ ...item.area, left: item.area.left + range.from, right: item.area.left + range.to });
    }
  }
  for (const { area } of known.values()) areas.push(area);
  return areas;
}

/** The smallest range outside of which two lists of spans cover the same; null: they are the same. */
function differenceOf(a: readonly Span[], b: readonly Span[]): Span | null {
  const inOne = [
    ...a.filter((span) => !b.some(({ from, to }) => from === span.from && to === span.to)),
    ...b.filter((span) => !a.some(({ from, to }) => from === span.from && to === span.to)),
  ];
  if (inOne.length === 0) return null;
  const [first, second] = inOne;
  // The usual case, a span that has grown at one end.
  if (inOne.length === 2 && first !== undefined && second !== undefined && first.from === second.from) {
    return { from: Math.min(first.to, second.to), to: Math.max(first.to, second.to) };
  }
  if (inOne.length === 2 && first !== undefined && second !== undefined && first.to === second.to) {
    return { from: Math.min(first.from, second.from), to: Math.max(first.from, second.from) };
  }
  return { from: Math.min(...inOne.map(({ from }) => from)), to: Math.max(...inOne.map(({ to }) => to)) };
}
