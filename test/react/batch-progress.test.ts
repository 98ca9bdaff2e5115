import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { nextFrame } from "../../src/react/once-a-frame.ts";
import { BatchProgress, useBatch, useItems } from "../../src/react/react.ts";
import { countsText, noteText, percentText, timeText, valueText } from "../../src/react/words.ts";
import { madeBatch, madeBatchId } from "../support/made-batch.ts";

const NOW_MS = Date.parse("2026-11-21T12:00:30.000Z");
const ESTIMATE = { low: 200, median: 230, high: 340, confidence: 0.8, basis: "items", finishAt: "" } as const;

afterEach(() => vi.unstubAllGlobals());

test("numbers and time left in words", () => {
  const batch = madeBatch({
    counts: { total: 2_000, pending: 880, processing: 0, completed: 1_117, failed: 2, cancelled: 1 },
    processed: 1_120,
    percent: 56,
    estimate: ESTIMATE,
  });
  expect(valueText(batch, NOW_MS)).toBe("56%, 1,120 of 2,000, 2 failed, 1 cancelled, about 4 min left, 4 to 6 min");
  expect(valueText(null, NOW_MS)).toBe("not known yet");
  expect(percentText(null)).toBe("–");
  const open = madeBatch({ percent: null, isSealed: false });
  expect(percentText(open)).toBe("–");
  expect(valueText(open, NOW_MS)).toBe("percent not known, 3 of 10, 1 failed, items are still being added");
  expect(timeText(madeBatch({ startAt: "2026-11-21T14:00:31.000Z" }), NOW_MS)).toBe("starts in 2 h");
  const ended = madeBatch({
    status: "completed",
    outcome: "partial",
    percent: 100,
    endedAt: "2026-11-21T12:00:20.000Z",
  });
  expect([timeText(ended, NOW_MS), countsText(ended)]).toEqual(["", "3 of 10, 1 failed"]);
});

test("what else is to be known in words", () => {
  const batch = madeBatch({ status: "completed", outcome: "partial" });
  expect(noteText({ batch, state: "ended", error: null })).toBe("completed (partial)");
  expect(noteText({ batch, state: "live", error: null })).toBe("");
  expect(noteText({ batch, state: "reconnecting", error: null })).toBe("connection lost, reconnecting");
  expect(noteText({ batch, state: "not-found", error: null })).toBe("the batch was removed");
  expect(noteText({ batch: null, state: "not-found", error: null })).toBe("there is no such batch");
  expect(noteText({ batch: null, state: "failed", error: new Error("sign in") })).toBe("sign in");
});

test("on a server a page renders that it connects, and asks nothing", () => {
  const fetch = vi.fn();
  const client = createClient({ url: "http://127.0.0.1:1", fetch });
  const batchId = madeBatchId(1);
  expect(renderToStaticMarkup(createElement(BatchProgress, { client, batchId, className: "wide" }))).toBe(
    '<div class="milepost-progress wide" data-state="connecting">' +
      '<span class="milepost-progress-label" aria-hidden="true">Progress</span> ' +
      '<progress class="milepost-progress-bar" aria-label="Progress" aria-valuetext="not known yet" max="100"></progress> ' +
      '<span class="milepost-progress-percent" aria-hidden="true">–</span>' +
      '<span class="milepost-progress-gap" aria-hidden="true">, </span>' +
      '<span class="milepost-progress-note" role="status">connecting</span></div>',
  );
  const Page = () => {
    const { state } = useBatch(client, batchId);
    const { items, hasMore } = useItems(client, batchId, { state: "failed" });
    return `${state} ${items.length} ${hasMore}`;
  };
  expect(renderToStaticMarkup(createElement(Page))).toBe("connecting 0 true");
  expect(fetch).not.toHaveBeenCalled();
});

test("a frame that does not come, as in a page in the background, is not waited for; one that comes is enough", () => {
  vi.useFakeTimers();
  try {
    const frames: (() => void)[] = [];
    vi.stubGlobal("requestAnimationFrame", (task: () => void) => frames.push(task));
    vi.stubGlobal("cancelAnimationFrame", () => {});
    const task = vi.fn();
    nextFrame(task);
    vi.advanceTimersByTime(1_000);
    expect(task).toHaveBeenCalledTimes(1);
    nextFrame(task);
    frames.at(-1)?.();
    vi.advanceTimersByTime(1_000);
    expect(task).toHaveBeenCalledTimes(2);
    nextFrame(task)();
    vi.advanceTimersByTime(1_000);
    expect(task).toHaveBeenCalledTimes(2);
  } finally {
    vi.useRealTimers();
  }
});
