import { describe, expect, test } from "vitest";
import { amongRivals, placeInQueue } from "./rivals.ts";

describe("a queue", () => {
  const range = { low: 8, median: 10, high: 15 };
  const nobody = { better: [], older: [], younger: [] };

  test("adds up what is ahead", () => {
    expect(placeInQueue(nobody)).toEqual({ position: 1, startsIn: { low: 0, median: 0, high: 0 } });
    const { position, startsIn } = placeInQueue({ ...nobody, better: [range, range] });
    expect(position).toBe(3);
    expect(startsIn?.median).toBe(20);
    expect(startsIn?.high).toBeLessThan(30);
    expect(placeInQueue({ ...nobody, better: [range, null] }).startsIn).toBeNull();
  });

  test("what is better runs first; equals share", () => {
    expect(amongRivals(range, nobody)).toEqual(range);
    expect(amongRivals(range, { ...nobody, better: [range] })?.median).toBe(20);
    expect(amongRivals(range, { ...nobody, better: [null] })).toBeNull();
    // The younger one takes a claim of four as long as it has any.
    const long = { low: 80, median: 90, high: 100 };
    expect(amongRivals(long, { ...nobody, younger: [range] })?.median).toBe(100);
    expect(amongRivals(range, { ...nobody, younger: [long] })?.median).toBeCloseTo(10 / 0.75);
    expect(amongRivals(range, { ...nobody, older: [long] })?.median).toBe(40);
    expect(amongRivals(range, { ...nobody, older: [null] })?.median).toBe(40);
    expect(amongRivals(long, { ...nobody, older: [range] })?.median).toBe(100);
  });
});
