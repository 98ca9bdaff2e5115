import { expect, test } from "vitest";
import { ApiError, type OverviewUpdate, type StreamOptions } from "../../src/client/client.ts";
import { BatchHub } from "../../src/react/batch-hub.ts";
import { toProblem } from "../../src/wire/problem.ts";
import { madeBatch, madeBatchId } from "../support/made-batch.ts";
import { ManualFrames } from "./support/manual-frames.ts";
import { ScriptedStream, turn } from "./support/scripted-stream.ts";

class Opened extends ScriptedStream<OverviewUpdate> {
  readonly ids: readonly string[];

  constructor(ids: readonly string[] | "all", options: StreamOptions) {
    super(options);
    this.ids = [...ids];
  }

  batches(...batches: OverviewUpdate["batches"]): Promise<void> {
    return this.tell({ batches, removed: [] });
  }
}

function makeHub() {
  const opened: Opened[] = [];
  const frames = new ManualFrames();
  const watchMany = (ids: readonly string[] | "all", options: StreamOptions = {}) => {
    const stream = new Opened(ids, options);
    opened.push(stream);
    return stream.updates();
  };
  const last = (): Opened => {
    const stream = opened.at(-1);
    if (stream === undefined) throw new Error("no stream was opened");
    return stream;
  };
  return { hub: new BatchHub({ watchMany }, frames.schedule), opened, last, frames };
}

const A = madeBatchId(1);
const B = madeBatchId(2);
const ENDED = {
  status: "completed",
  outcome: "success",
  percent: 100,
  endedAt: "2026-11-21T12:01:00.000Z",
} as const;

test("a batch is followed from its first view over a break to its end, and then not any more", async () => {
  const { hub, opened, last, frames } = makeHub();
  const states: string[] = [];
  hub.follow(A, () => states.push(`${hub.view(A).state} ${hub.view(A).batch?.percent}`));
  await turn();
  last().connection("connecting");
  last().connection("waiting");
  frames.next();
  expect(states).toEqual([]);
  last().connection("live");
  await last().batches(madeBatch());
  frames.next();
  last().connection("waiting");
  frames.next();
  last().connection("connecting");
  last().connection("live");
  await last().batches(madeBatch({ percent: 60 }));
  frames.next();
  await last().batches(madeBatch(ENDED));
  frames.next();
  await turn();
  expect(states).toEqual(["live 30", "reconnecting 30", "live 60", "ended 100"]);
  expect(last().isOpen).toBe(false);
  expect(opened).toHaveLength(1);
});

test("what comes within a frame is shown as one, and a view is the same object until then", async () => {
  const { hub, last, frames } = makeHub();
  let told = 0;
  hub.follow(A, () => {
    told += 1;
  });
  await turn();
  await last().batches(madeBatch());
  frames.next();
  const shown = hub.view(A);
  for (let percent = 31; percent < 40; percent++) await last().batches(madeBatch({ percent }));
  expect([hub.view(A) === shown, told, frames.waiting]).toEqual([true, 1, 1]);
  frames.next();
  expect([hub.view(A).batch?.percent, told]).toEqual([39, 2]);
});

test("batches that are looked at in one turn share a stream; what leaves and comes back at once opens none", async () => {
  const { hub, opened, last } = makeHub();
  hub.follow(A, () => {})();
  const leaveA = hub.follow(A, () => {});
  const leaveB = hub.follow(B, () => {});
  await turn();
  expect(opened.map(({ ids }) => ids)).toEqual([[A, B]]);
  leaveB();
  hub.follow(B, () => {});
  await turn();
  expect([opened.length, last().isOpen]).toEqual([1, true]);
  leaveA();
  await turn();
  expect(opened.map(({ ids, isOpen }) => [ids, isOpen])).toEqual([
    [[A, B], false],
    [[B], true],
  ]);
});

test("one that comes later sees what is known; the last that leaves closes the stream", async () => {
  const { hub, opened, last, frames } = makeHub();
  const leave = hub.follow(A, () => {});
  await turn();
  await last().batches(madeBatch());
  frames.next();
  const leaveToo = hub.follow(A.toUpperCase(), () => {});
  await turn();
  expect(hub.view(A.toUpperCase())).toMatchObject({ state: "live", batch: { percent: 30 } });
  expect(opened).toHaveLength(1);
  leave();
  await turn();
  expect(last().isOpen).toBe(true);
  leaveToo();
  await turn();
  expect(last().isOpen).toBe(false);
  expect(hub.view(A)).toMatchObject({ state: "connecting", batch: null });
});

test("the end of one batch does not disturb the stream of the others", async () => {
  const { hub, opened, last, frames } = makeHub();
  const leave = hub.follow(A, () => {});
  hub.follow(B, () => {});
  await turn();
  await last().batches(madeBatch(ENDED), madeBatch({ id: B }));
  leave();
  await turn();
  await last().batches(madeBatch({ id: B, percent: 80 }));
  frames.next();
  expect([hub.view(B).batch?.percent, opened.length]).toEqual([80, 1]);
});

test("more batches than fit one stream take two", async () => {
  const { hub, opened } = makeHub();
  for (let number = 1; number <= 201; number++) hub.follow(madeBatchId(number), () => {});
  await turn();
  expect(opened.map(({ ids }) => ids.length)).toEqual([200, 1]);
});

test("what is not there is told so: one of many, all of them, what was removed, what is no id", async () => {
  const { hub, opened, last, frames } = makeHub();
  hub.follow(A, () => {});
  hub.follow(B, () => {});
  await turn();
  await last().batches(madeBatch());
  await last().tell({ batches: [], removed: [A, B] });
  frames.next();
  expect(hub.view(A)).toMatchObject({ state: "not-found", batch: { percent: 30 } });
  expect(hub.view(B)).toEqual({ state: "not-found", batch: null, error: null });
  expect(last().isOpen).toBe(false);

  const C = madeBatchId(3);
  hub.follow(C, () => {});
  await turn();
  await last().fail(new ApiError(toProblem("not-found", "there is no such batch")));
  frames.next();
  expect(hub.view(C).state).toBe("not-found");

  const before = opened.length;
  hub.follow("../queues", () => {});
  await turn();
  expect([hub.view("../queues").state, opened.length]).toEqual(["not-found", before]);
});

test("a refusal fails the batches with its reason, and they can be followed anew", async () => {
  const { hub, opened, last, frames } = makeHub();
  hub.follow(A, () => {});
  await turn();
  const refusal = new ApiError(toProblem("session", "sign in"));
  await last().fail(refusal);
  frames.next();
  expect(hub.view(A)).toEqual({ batch: null, state: "failed", error: refusal });
  hub.restart(A);
  await turn();
  await last().batches(madeBatch(ENDED));
  frames.next();
  expect(hub.view(A)).toMatchObject({ state: "ended", error: null });
  hub.restart(A);
  await turn();
  await last().batches(madeBatch({ epoch: 2, percent: 90 }));
  frames.next();
  expect(hub.view(A)).toMatchObject({ state: "live", batch: { percent: 90 } });
  hub.restart(A);
  await turn();
  expect(opened).toHaveLength(3);
});

test("what another stream tells earlier is shown, also an end, and nothing older after it", async () => {
  const { hub, last, frames } = makeHub();
  hub.hear(madeBatch());
  hub.follow(A, () => {});
  await turn();
  hub.hear(madeBatch({ version: 7, percent: 50 }));
  await last().batches(madeBatch({ version: 6, percent: 40 }));
  frames.next();
  expect(hub.view(A)).toMatchObject({ state: "live", batch: { percent: 50 } });
  hub.hear(madeBatch({ ...ENDED, version: 8 }));
  hub.hear(madeBatch({ version: 7 }));
  await turn();
  frames.next();
  expect([hub.view(A).state, last().isOpen]).toEqual(["ended", false]);
});

test("a stream that is over though its batch is not is a failure", async () => {
  const { hub, last, frames } = makeHub();
  hub.follow(A, () => {});
  await turn();
  await last().end();
  frames.next();
  expect(hub.view(A)).toMatchObject({ state: "failed", error: { message: expect.stringContaining("not ended") } });
});
