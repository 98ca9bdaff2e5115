import { expect, test } from "vitest";
import { type Batch, type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";

/** As a caller without types would do it. */
type Call = (milepost: Milepost, batch: Batch, given: never) => unknown;

const REFUSED: readonly (readonly [string, Call, unknown, RegExp])[] = [
  [
    "a misspelt option of submit",
    (milepost, _, given) => milepost.submit(given),
    { pipeline: "work", items: [], retries: 0 },
    /no option "retries"; it has attempts,/,
  ],
  [
    "no options of submit",
    (milepost, _, given) => milepost.submit(given),
    undefined,
    /submit takes an object of options; found undefined/,
  ],
  [
    "text for a flag",
    (milepost, _, given) => milepost.submit(given),
    { pipeline: "work", items: [], seal: "no" },
    /seal must be true or false; found "no"/,
  ],
  [
    "a misspelt field of an item",
    (milepost, _, given) => milepost.submit(given),
    { pipeline: "work", items: [{ key: "a", data: 1 }] },
    /an item has no field "data"; it has key, input, size, kind, priority/,
  ],
  [
    "a misspelt option of a pipeline",
    (milepost, _, given) => milepost.pipeline(given),
    { name: "other", handler: () => {}, timeout: 5 },
    /no option "timeout"/,
  ],
  [
    "stages that are no list",
    (milepost, _, given) => milepost.pipeline(given),
    { name: "other", handler: () => {}, stages: "one" },
    /stages must be a list; found "one"/,
  ],
  [
    "a queue for queues",
    (milepost, _, given) => milepost.work(given),
    { queues: "photos" },
    /queues must be a list, each a text; found "photos"/,
  ],
  [
    "an id for a batch",
    (milepost, _, given) => milepost.work(given),
    { batch: "x" },
    /batch must be a batch, as milepost.batch/,
  ],
  [
    "a lease under a second",
    (milepost, _, given) => milepost.track(given),
    { leaseMs: 1 },
    /leaseMs must be a whole number from 1000 to 3600000; found 1/,
  ],
  [
    "an age that is none",
    (milepost, _, given) => milepost.prune(given),
    { olderThanMs: Number.NaN },
    /olderThanMs must be milliseconds, 0 or more; found NaN/,
  ],
  ["an age below zero", (milepost, _, given) => milepost.prune(given), { olderThanMs: -1 }, /found -1/],
  [
    "a misspelt bound",
    (milepost, _, given) => milepost.prune(given),
    { olderThan: 1_000 },
    /prune has no option "olderThan"/,
  ],
  [
    "an unknown status",
    (milepost, _, given) => milepost.batches(given),
    { statuses: ["done"] },
    /statuses must be a list, each one of pending, processing/,
  ],
  [
    "a date that is none",
    (milepost, _, given) => milepost.batches(given),
    { endedSince: new Date(Number.NaN) },
    /endedSince must be a valid Date/,
  ],
  [
    "a page of a count",
    (milepost, _, given) => milepost.countBatches(given),
    { limit: 5 },
    /countBatches has no option "limit"; it has owner, queue,/,
  ],
  ["ids that are no list", (milepost, _, given) => milepost.versions(given), "x", /ids must be a list, each a text/],
  [
    "a listener that is none",
    (milepost, _, given) => milepost.subscribe(given),
    5,
    /a listener must be a function; found 5/,
  ],
  [
    "a wait that is none",
    (milepost, _, given) => milepost.drain("x", given),
    { waitMs: "long" },
    /waitMs must be milliseconds/,
  ],
  [
    "a grace that is none",
    (milepost, _, given) => milepost.close(given),
    { graceMs: Number.NaN },
    /graceMs must be milliseconds/,
  ],
  [
    "a misspelt filter of items",
    (_, batch, given) => batch.items(given),
    { states: ["failed"] },
    /items has no option "states"; it has state,/,
  ],
  [
    "an order that is none",
    (_, batch, given) => batch.items(given),
    { order: "up" },
    /order must be one of oldest, newest; found "up"/,
  ],
  ["no cursor of changes", (_, batch, given) => batch.changes(given), {}, /since must be a whole number from 0/],
  [
    "a pace that is none",
    (_, batch, given) => batch.watch(given).next(),
    { everyMs: -5 },
    /everyMs must be milliseconds, 0 or more; found -5/,
  ],
  ["text for a choice", (_, batch, given) => batch.retry(given), { failed: "yes" }, /failed must be true or false/],
  [
    "a misspelt option of add",
    (_, batch, given) => batch.add([], given),
    { sealed: true },
    /add has no option "sealed"/,
  ],
  [
    "no id of a batch",
    (milepost, _, given) => milepost.batch(given),
    undefined,
    /the id or name of a batch must be a text; found undefined/,
  ],
  [
    "a number for a queue",
    (milepost, _, given) => milepost.queue(given),
    5,
    /the name of a queue must be a text; found 5/,
  ],
  [
    "ids of tracked items that are none",
    async (milepost, _, given) => (await milepost.track()).start(given),
    null,
    /ids must be a list, each a text; found null/,
  ],
];

test.each(REFUSED)("%s is refused, and nothing happens", async (_what, call, given, message) => {
  await using milepost = await openMilepost("memory:", { logger: SILENT });
  milepost.pipeline("work", () => {});
  const { batch } = await milepost.submit({ pipeline: "work", items: ["a"] });
  const before = await batch.snapshot();
  const answer = async (): Promise<unknown> => call(milepost, batch, given as never);
  await expect(answer()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  expect((await milepost.batches()).batches).toEqual([before]);
});

test("a store is not made where an option is refused", async () => {
  const options = { retention: { olderThanMs: "1 h" } } as never;
  await expect(openMilepost("/nowhere/at/all.db", options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("an option that is undefined counts as left out", async () => {
  await using milepost = await openMilepost("memory:", { logger: SILENT });
  const options = { pipeline: "work", items: ["a"], name: undefined, retries: undefined } as never;
  await expect(milepost.submit(options)).resolves.toMatchObject({ added: 1 });
});
