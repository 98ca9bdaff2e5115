import { describe, expect, test } from "vitest";
import { ReadAhead } from "./read-ahead.ts";

describe("ReadAhead", () => {
  test("claims nothing ahead of long items", () => {
    const ahead = new ReadAhead(2);
    expect(ahead.room({ running: 0, waiting: 0, ended: 0, now: 0 })).toBe(2);
    expect(ahead.room({ running: 2, waiting: 0, ended: 0, now: 1 })).toBe(0);
    expect(ahead.room({ running: 1, waiting: 0, ended: 1, now: 500 })).toBe(1);
  });

  test("claims that found nothing do not make it grow", () => {
    const ahead = new ReadAhead(1);
    for (let now = 0; now < 10; now++) expect(ahead.room({ running: 0, waiting: 0, ended: 0, now })).toBe(1);
  });

  test("doubles while refills are used up at once, up to a limit, and halves when they last", () => {
    const ahead = new ReadAhead(1);
    let ended = 0;
    let room = 0;
    for (let now = 0; now < 20; now++) {
      room = ahead.room({ running: 0, waiting: 0, ended, now });
      ended += room;
    }
    expect(room).toBe(500);
    const later = [500, 1_000, 1_500].map((now) => ahead.room({ running: 0, waiting: 0, ended, now }));
    expect(later).toEqual([251, 126, 63]);
  });

  test("asks again only when half of a refill is left", () => {
    const ahead = new ReadAhead(1);
    for (let now = 0, ended = 0; now < 6; now++) ended += ahead.room({ running: 0, waiting: 0, ended, now });
    expect(ahead.room({ running: 1, waiting: 20, ended: 40, now: 6 })).toBe(0);
  });

  test("has enough while every hand is busy, or more than half of a refill waits", () => {
    const ahead = new ReadAhead(2);
    expect(ahead.isEnough(1, 0)).toBe(false);
    expect(ahead.isEnough(1, 1)).toBe(true);
    for (let now = 0, ended = 0; now < 6; now++) ended += ahead.room({ running: 0, waiting: 0, ended, now });
    expect(ahead.isEnough(2, 0)).toBe(false);
    expect(ahead.isEnough(2, 100)).toBe(true);
  });

  test("is stale once a refill lasts: then nothing is claimed ahead any more", () => {
    const ahead = new ReadAhead(1);
    for (let now = 0, ended = 0; now < 6; now++) ended += ahead.room({ running: 0, waiting: 0, ended, now });
    expect(ahead.isStale(300)).toBe(false);
    expect(ahead.isStale(450)).toBe(true);
    expect(ahead.isStale(451)).toBe(false);
    expect(ahead.room({ running: 1, waiting: 0, ended: 40, now: 452 })).toBe(0);
  });
});
