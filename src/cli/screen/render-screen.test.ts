import { describe, expect, it } from "vitest";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { ItemSnapshot } from "../../core/item.ts";
import { displayWidth } from "../../format/width.ts";
import { paint } from "./line.ts";
import { renderScreen, type ScreenFacts } from "./render-screen.ts";

const BATCH: BatchSnapshot = {
  id: "0199c2f0-0000-7000-8000-000000000000",
  owner: "",
  name: "holiday",
  queue: "holiday",
  pipeline: "images",
  options: null,
  status: "processing",
  outcome: null,
  isSealed: true,
  epoch: 1,
  version: 9,
  priority: 0,
  counts: { total: 2000, pending: 876, processing: 4, completed: 1118, failed: 2, cancelled: 0 },
  processed: 1120,
  percent: 56,
  estimate: { low: 160, median: 230, high: 350, confidence: 0.8, basis: "items", finishAt: new Date(0) },
  estimatedTimeRemaining: 230,
  noEstimate: null,
  createdAt: new Date(0),
  startAt: null,
  startedAt: new Date(0),
  endedAt: null,
};

function item(key: string, fraction: number): ItemSnapshot {
  const progress = { stage: "transform", done: null, total: null, unit: null, message: null };
  return {
    id: "",
    batchId: BATCH.id,
    key,
    name: key,
    state: "processing",
    isHeld: false,
    priority: 0,
    version: 1,
    attempts: 1,
    crashes: 0,
    readyAt: null,
    size: null,
    kind: null,
    input: null,
    output: null,
    error: null,
    progress,
    fraction,
    startedAt: null,
    endedAt: null,
  };
}

const FACTS: ScreenFacts = {
  batch: BATCH,
  running: ["/p/a.jpg", "/p/evil\u001b[2J\n.jpg", "/p/写真.jpg", "/p/d.jpg"].map((key, index) => item(key, index / 4)),
  failures: [
    {
      message: "the file is cut off",
      code: "INVALID_IMAGE",
      items: 2,
      example: { id: "", key: "/p/x.jpg", name: "/p/x.jpg" },
    },
  ],
  perSecond: 12.3,
  notice: "Ctrl-C stops",
  nowMs: 0,
};

function screen(facts: ScreenFacts, columns: number, rows: number): readonly string[] {
  return renderScreen(facts, { columns, rows, isAscii: true }).map((line) => paint(line, columns, false));
}

describe("renderScreen", () => {
  it("shows the bar, counts, rate, time left, running items, failures and the notice", () => {
    expect(screen(FACTS, 90, 20)).toEqual([
      "holiday  processing",
      "################--------------  56%  1,120 of 2,000  12 /s  about 4 min left, 3 to 6 min",
      "1,118 completed, 2 failed, 4 processing, 876 pending",
      "  a.jpg                           -----------  transform",
      "  evil\\e[2J\\n.jpg                 ##---------  transform",
      "  写真.jpg                        #####------  transform",
      "  d.jpg                           ########---  transform",
      "  failed 2 × the file is cut off (INVALID_IMAGE), such as /p/x.jpg",
      "Ctrl-C stops",
    ]);
  });

  it.each([
    [80, 24],
    [40, 8],
    [20, 5],
    [10, 3],
    [10, 1],
    [200, 2],
  ])("fits %d × %d", (columns, rows) => {
    const lines = screen(FACTS, columns, rows);
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
  });

  it("says how many more run than are shown", () => {
    const lines = screen({ ...FACTS, failures: [] }, 80, 7);
    expect(lines.slice(3)).toEqual([
      expect.stringContaining("a.jpg"),
      expect.stringContaining("evil"),
      "  and 2 more running",
      "Ctrl-C stops",
    ]);
  });

  it("shows neither rate nor time left of a paused or ended batch", () => {
    const paused = screen({ ...FACTS, batch: { ...BATCH, status: "paused", estimate: null } }, 90, 20);
    expect(paused.slice(0, 2)).toEqual(["holiday  paused", expect.stringMatching(/56% {2}1,120 of 2,000$/)]);
    const noEstimate = { reason: "paused", afterResume: { low: 160, median: 230, high: 350 } } as const;
    const known = screen({ ...FACTS, batch: { ...BATCH, status: "paused", estimate: null, noEstimate } }, 120, 20);
    expect(known[1]).toMatch(/1,120 of 2,000 {2}paused, about 4 min left after resume, 3 to 6 min$/);
    const ended = { ...BATCH, status: "completed", outcome: "partial", endedAt: new Date(5), percent: 100 } as const;
    const lines = screen({ ...FACTS, batch: ended, running: [], notice: null }, 90, 20);
    expect(lines[0]).toBe("holiday  completed (partial)");
    expect(lines[1]).toMatch(/^#{30} {2}100%/);
    expect(lines.join("\n")).not.toContain("left");
  });

  it("does not invent a percent", () => {
    expect(screen({ ...FACTS, batch: { ...BATCH, percent: null, isSealed: false } }, 90, 20)[1]).toMatch(
      /\?% {2}1,120 of 2,000 {2}12 \/s {2}items are still being added$/,
    );
  });
});
