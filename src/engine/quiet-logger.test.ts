import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { quietLogger } from "./quiet-logger.ts";

test("the same warning comes through once a minute, with the number of those between", () => {
  const clock = new ManualClock();
  const lines: unknown[] = [];
  const write = (message: string, details?: object): void => void lines.push([message, details]);
  const logger = quietLogger({ info: write, warn: write, error: write }, clock);
  for (let second = 0; second < 90; second++) {
    logger.warn("the disk is full", { second });
    clock.advance(1_000);
  }
  logger.error("something else");
  logger.info("told");
  logger.info("told");
  expect(lines).toEqual([
    ["the disk is full", { second: 0 }],
    ["the disk is full", { second: 60, repeated: 59 }],
    ["something else", undefined],
    ["told", undefined],
    ["told", undefined],
  ]);
});
