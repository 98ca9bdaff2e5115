import { expect, onTestFinished, test } from "vitest";
import { Milepost } from "../../src/engine/milepost.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { systemRandom } from "../../src/platform/system-random.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { ManualTime } from "../support/manual-time.ts";
import { signal } from "../support/open-for-test.ts";

/** No session of a clock by hand beats in real time: its lease must last for the whole test. */
const leaseMs = 3_600_000;

/** An engine over a store of which `slow` makes some calls wait. */
function openOver(slow: (store: Store) => Partial<Store>): { milepost: Milepost; store: Store; time: ManualTime } {
  const time = new ManualTime();
  const store = createMemoryStore({ clock: time.clock });
  const deps = { clock: time.clock, random: systemRandom, host: systemHost, logger: SILENT };
  const milepost = new Milepost({ ...deps, store: { ...store, ...slow(store) } });
  onTestFinished(() => time.until(milepost.close()));
  return { milepost, store, time };
}

test("closing starts nothing more, though one of its duties takes long", async () => {
  const reaped = signal();
  let isSlow = false;
  const { milepost, time } = openOver((store) => ({
    async reap(now, isDead) {
      if (isSlow) await reaped.wait;
      return store.reap(now, isDead);
    },
  }));
  const started: string[] = [];
  milepost.pipeline("work", async ({ key }) => {
    started.push(key);
    await time.work(1_000);
  });
  await milepost.submit({ pipeline: "work", items: ["a", "b", "c", "d", "e", "f"] });
  await time.until(milepost.work({ leaseMs }));
  isSlow = true;
  await time.pass(1_500);
  expect(started).toEqual(["a", "b"]);
  const closing = milepost.close({ graceMs: 5_000 });
  await time.pass(8_000);
  expect(started).toEqual(["a", "b"]);
  reaped.give();
  await time.until(closing);
});

test("an item that may have crashed a worker does not run once its worker was told to stop while the start was written", async () => {
  const written = signal();
  let starts = 0;
  const { milepost, store, time } = openOver((inner) => ({
    async record(reports, now) {
      if (reports.some(({ type }) => type === "start")) {
        starts += 1;
        await written.wait;
      }
      return inner.record(reports, now);
    },
  }));
  const started: string[] = [];
  milepost.pipeline("work", ({ key }) => void started.push(key));
  const { batch } = await milepost.submit({ pipeline: "work", items: ["suspect"] });
  const died = { host: "elsewhere", pid: 1, birth: "", name: "elsewhere:1", queues: [], batch: null, pipelines: null };
  const worker = await store.openSession({ ...died, concurrency: 1, leaseMs, now: time.clock.now() });
  const request = { worker, queues: [], pipelines: null, limit: 1, now: time.clock.now(), turn: 0 };
  expect((await store.claim(request)).leases.length).toBe(1);
  await store.reap(time.clock.now(), ({ host }) => host === "elsewhere");

  const living = await time.until(milepost.work({ leaseMs }));
  await time.pass(500);
  expect([starts, started]).toEqual([1, []]);
  const stopping = living.stop({ graceMs: 1_000 });
  await time.pass(100);
  written.give();
  await time.until(stopping);
  expect(started).toEqual([]);
  expect((await batch.snapshot()).counts).toMatchObject({ pending: 1, processing: 0 });
});
