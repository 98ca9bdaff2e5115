import { expect, test } from "vitest";
import { HEIGHT_MAX_PX, Scale } from "./scale.ts";

const frame = { clientHeight: 600 };

test("a list that can be drawn whole goes as far as its scroll bar", () => {
  const scale = new Scale();
  expect([scale.shown, scale.factorIn(frame)]).toEqual([0, 1]);
  scale.setWhole(HEIGHT_MAX_PX);
  expect([scale.shown, scale.factorIn(frame)]).toEqual([HEIGHT_MAX_PX, 1]);
});

test("the ends of the scroll bar are the ends of a list that is taller than what can be drawn", () => {
  const scale = new Scale();
  scale.setWhole(38_000_000);
  expect(scale.shown).toBe(HEIGHT_MAX_PX);
  const lastTop = HEIGHT_MAX_PX - frame.clientHeight;
  expect(lastTop * scale.factorIn(frame)).toBeCloseTo(38_000_000 - frame.clientHeight, 3);
  expect(0 * scale.factorIn(frame)).toBe(0);
});
