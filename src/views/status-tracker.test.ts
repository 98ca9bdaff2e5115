import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { MilepostError } from "../core/errors.ts";
import { ProcessingState, StatusTracker } from "./status-tracker.ts";

const T0 = Date.UTC(2025, 0, 1);
let nowMs = T0;
let tracker: StatusTracker;

beforeEach(() => {
  nowMs = T0;
  tracker = new StatusTracker({ now: () => new Date(nowMs) });
});

function errorOf(act: () => unknown): MilepostError {
  try {
    act();
  } catch (error) {
    if (error instanceof MilepostError) return error;
    throw error;
  }
  throw new Error("expected a MilepostError; nothing was thrown");
}

/** Takes an image from pending to `state` by allowed steps. */
function bring(id: string, state: ProcessingState): void {
  if (state === "pending") return;
  if (state !== "cancelled") tracker.updateStatus(id, "processing");
  if (state !== "processing") tracker.updateStatus(id, state);
}

describe("an image", () => {
  it("starts pending, without times", () => {
    tracker.addImage("a");
    expect(tracker.getStatus("a")).toMatchObject({
      id: "a",
      state: "pending",
      startTime: null,
      endTime: null,
      errorMessage: null,
      outputPath: null,
      processingTime: null,
    });
    expect(tracker.getStatus("a").isTerminalState()).toBe(false);
  });

  it("times run from processing to the end, live in between", () => {
    tracker.addImage("a");
    nowMs += 5_000;
    tracker.updateStatus("a", ProcessingState.PROCESSING);
    nowMs += 1_500;
    expect(tracker.getStatus("a").processingTime).toBe(1.5);
    tracker.updateStatus("a", ProcessingState.COMPLETED, { outputPath: "out/a.webp" });
    nowMs += 60_000;
    const status = tracker.getStatus("a");
    expect(status.processingTime).toBe(1.5);
    expect(status.startTime).toEqual(new Date(T0 + 5_000));
    expect(status.endTime).toEqual(new Date(T0 + 6_500));
    expect(status.outputPath).toBe("out/a.webp");
    expect(status.isTerminalState()).toBe(true);
  });

  it("never has a negative time, even if the clock is set back", () => {
    tracker.addImage("a");
    tracker.updateStatus("a", "processing");
    nowMs -= 10_000;
    expect(tracker.getStatus("a").processingTime).toBe(0);
    expect(tracker.getSummary().elapsedTime).toBe(0);
  });

  it("cancelled before it started has an end but no processing time", () => {
    tracker.addImage("a");
    tracker.updateStatus("a", "cancelled");
    expect(tracker.getStatus("a")).toMatchObject({ startTime: null, endTime: new Date(T0), processingTime: null });
  });

  it("forgets times, error and output on an explicit retry", () => {
    tracker.addImage("a");
    tracker.updateStatus("a", "processing");
    tracker.updateStatus("a", "failed", { errorMessage: "disk full" });
    expect(tracker.getStatus("a").errorMessage).toBe("disk full");
    tracker.updateStatus("a", "pending");
    expect(tracker.getStatus("a")).toMatchObject({ startTime: null, endTime: null, errorMessage: null });
  });

  const allowed: Record<ProcessingState, readonly ProcessingState[]> = {
    pending: ["processing", "cancelled"],
    processing: ["pending", "completed", "failed", "cancelled"],
    completed: [],
    failed: ["pending"],
    cancelled: ["pending"],
  };
  const states = Object.values(ProcessingState);
  it.each(states.flatMap((from) => states.map((to) => [from, to] as const)))("%s → %s", (from, to) => {
    tracker.addImage("cat.jpg");
    bring("cat.jpg", from);
    if (allowed[from].includes(to)) {
      tracker.updateStatus("cat.jpg", to);
      expect(tracker.getStatus("cat.jpg").state).toBe(to);
      return;
    }
    const before = tracker.getStatus("cat.jpg");
    const error = errorOf(() => tracker.updateStatus("cat.jpg", to, { errorMessage: "late" }));
    expect(error.code).toBe("INVALID_ARGUMENT");
    for (const word of ["cat.jpg", from, to, ...allowed[from]]) expect(error.message).toContain(word);
    expect(tracker.getStatus("cat.jpg")).toBe(before);
  });
});

describe("errors name the value, what is allowed and the image", () => {
  it.each(["nope", "__proto__", "constructor"])("unknown id %s", (id) => {
    for (const act of [() => tracker.getStatus(id), () => tracker.updateStatus(id, "processing")]) {
      const error = errorOf(act);
      expect(error.code).toBe("NOT_FOUND");
      expect(error.message).toContain(id);
    }
  });

  it("repeated id", () => {
    tracker.addImage("a.jpg");
    expect(errorOf(() => tracker.addImage("a.jpg"))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(errorOf(() => tracker.addImage("a.jpg")).message).toContain("a.jpg");
    expect(tracker.getSummary().total).toBe(1);
  });

  it("empty id", () => {
    expect(errorOf(() => tracker.addImage("")).code).toBe("INVALID_ARGUMENT");
  });

  it("what is no text, no state or no details at all", () => {
    tracker.addImage("a.jpg");
    const bare = Object.create(null);
    for (const act of [
      () => tracker.addImage(bare),
      () => tracker.updateStatus("a.jpg", bare),
      () => tracker.updateStatus("a.jpg", "processing", null as never),
      () => tracker.updateStatus("a.jpg", "processing", "out.png" as never),
    ]) {
      expect(errorOf(act).code).toBe("INVALID_ARGUMENT");
    }
    expect(errorOf(() => tracker.getStatus(bare)).code).toBe("NOT_FOUND");
    expect(tracker.getStatus("a.jpg").state).toBe("pending");
  });

  it.each(["done", "PENDING", "toString", undefined, 3])("unknown state %s", (state) => {
    tracker.addImage("a.jpg");
    const error = errorOf(() => tracker.updateStatus("a.jpg", state as ProcessingState));
    expect(error.code).toBe("INVALID_ARGUMENT");
    for (const word of ["a.jpg", String(state), "pending, processing, completed, failed, cancelled"]) {
      expect(error.message).toContain(word);
    }
    expect(errorOf(() => tracker.getImagesByState(state as ProcessingState)).message).toContain(String(state));
  });

  it("details that are no texts", () => {
    tracker.addImage("a.jpg");
    tracker.updateStatus("a.jpg", "processing");
    const details = { outputPath: 7 } as unknown as { outputPath: string };
    expect(errorOf(() => tracker.updateStatus("a.jpg", "completed", details)).message).toContain("outputPath");
    expect(tracker.getStatus("a.jpg").state).toBe("processing");
  });
});

describe("the batch", () => {
  it("is empty at first: not complete, rate 0, no times", () => {
    expect(tracker.getSummary()).toEqual({
      total: 0,
      pending: 0,
      processing: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      startTime: null,
      endTime: null,
      isComplete: false,
      successRate: 0,
      elapsedTime: 0,
    });
  });

  it("runs from the first image to the last end, and on when more work arrives", () => {
    tracker.addImage("a");
    nowMs += 1_000;
    tracker.addImage("b");
    bring("a", "completed");
    nowMs += 1_000;
    expect(tracker.getSummary()).toMatchObject({ isComplete: false, endTime: null, elapsedTime: 2 });
    bring("b", "failed");
    nowMs += 9_000;
    const done = { isComplete: true, endTime: new Date(T0 + 2_000), elapsedTime: 2, successRate: 50 };
    expect(tracker.getSummary()).toMatchObject({ startTime: new Date(T0), ...done });
    tracker.addImage("c");
    expect(tracker.getSummary()).toMatchObject({ isComplete: false, endTime: null, elapsedTime: 11, total: 3 });
    bring("c", "cancelled");
    expect(tracker.getSummary()).toMatchObject({ isComplete: true, endTime: new Date(T0 + 11_000) });
    tracker.updateStatus("b", "pending");
    expect(tracker.getSummary()).toMatchObject({ isComplete: false, endTime: null, pending: 1, failed: 0 });
  });

  it("lists images by state in the order they entered it", () => {
    for (const id of ["a", "b", "c"]) tracker.addImage(id);
    bring("c", "completed");
    bring("a", "completed");
    expect(tracker.getImagesByState("completed").map((status) => status.id)).toEqual(["c", "a"]);
    expect(tracker.getImagesByState("pending").map((status) => status.id)).toEqual(["b"]);
  });

  it("counts what a model counts, after any commands", () => {
    const command = fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("add", ...Object.values(ProcessingState)));
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        tracker = new StatusTracker({ now: () => new Date(nowMs++) });
        for (const [id, act] of commands) {
          try {
            if (act === "add") tracker.addImage(id);
            else tracker.updateStatus(id, act);
          } catch (error) {
            if (!(error instanceof MilepostError)) throw error;
          }
          const all = [...tracker.getAllStatuses().values()];
          const summary = tracker.getSummary();
          expect(summary.total).toBe(all.length);
          for (const state of Object.values(ProcessingState)) {
            const inState = all.filter((status) => status.state === state);
            expect(summary[state]).toBe(inState.length);
            expect(new Set(tracker.getImagesByState(state))).toEqual(new Set(inState));
          }
          const isComplete = all.length > 0 && all.every((status) => status.isTerminalState());
          expect(summary.isComplete).toBe(isComplete);
          expect(summary.endTime !== null).toBe(isComplete);
        }
      }),
    );
  });
});

describe("nothing can be changed from outside", () => {
  it("neither a status nor its dates", () => {
    tracker.addImage("a");
    bring("a", "completed");
    const status = tracker.getStatus("a") as { state: string; startTime: Date };
    expect(() => {
      status.state = "failed";
    }).toThrow(TypeError);
    status.startTime.setTime(0);
    expect(tracker.getStatus("a")).toMatchObject({ state: "completed", startTime: new Date(T0) });
  });

  it("nor the map, nor a list", () => {
    tracker.addImage("a");
    const map = tracker.getAllStatuses() as Map<string, unknown>;
    expect(map).toBeInstanceOf(Map);
    expect(() => map.set("b", {})).toThrow(MilepostError);
    expect(() => map.delete("a")).toThrow(MilepostError);
    expect(() => map.clear()).toThrow(MilepostError);
    tracker.getImagesByState("pending").pop();
    expect([...tracker.getAllStatuses().keys()]).toEqual(["a"]);
    expect(tracker.getImagesByState("pending")).toHaveLength(1);
  });

  it("a status that was read stays what it was", () => {
    tracker.addImage("a");
    const before = tracker.getStatus("a");
    bring("a", "failed");
    expect(before.state).toBe("pending");
  });

  it("a status is written as JSON with all its fields", () => {
    tracker.addImage("a");
    bring("a", "completed");
    expect(JSON.parse(JSON.stringify(tracker.getStatus("a")))).toEqual({
      id: "a",
      state: "completed",
      startTime: new Date(T0).toISOString(),
      endTime: new Date(T0).toISOString(),
      errorMessage: null,
      outputPath: null,
      processingTime: 0,
    });
  });
});
