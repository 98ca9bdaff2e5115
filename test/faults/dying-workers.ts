/** Items that kill the process of their worker. Run alone: `npx node test/faults/dying-workers.ts [name]`. */
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { ledger, openIn, startWorker, stopWorker } from "./support/scenery.ts";

const CRASH_BUDGET = 2;

/** Starts worker after worker, as a supervisor does, until the batch has ended. */
async function supervise(scene: Scene, act: string): Promise<void> {
  const milepost = await openIn(scene);
  const good = ["a", "b", "c", "d"].map((key) => ({ key, input: {} }));
  const { batch } = await milepost.submit({
    pipeline: "work",
    crashBudget: CRASH_BUDGET,
    items: [good[0], { key: "killer", input: { act } }, ...good.slice(1)].filter((item) => item !== undefined),
  });
  const done = batch.done();
  const ends: string[] = [];
  for (let isOver = false; !isOver && ends.length < 10; ) {
    const worker = await startWorker(scene, { concurrency: 2, nodeArgs: ["--max-old-space-size=64"] });
    isOver = await Promise.race([done.then(() => true), worker.ended.then(() => false)]);
    if (isOver) await stopWorker(worker);
    else {
      const { status, signal } = await worker.ended;
      ends.push(String(signal ?? status));
    }
  }
  scene.check("counts", (await done).counts, {
    ...{ total: 5, pending: 0, processing: 0, completed: 4, failed: 1, cancelled: 0 },
  });
  const killer = await batch.item("killer").snapshot();
  scene.check(
    "the killer's state, error and crashes",
    [killer.state, killer.error?.code, killer.crashes],
    [...["failed", "POISON", CRASH_BUDGET]],
  );
  // Once more than the budget: the first death may come before the start was written.
  scene.checkAtMost(`workers it took down (ends: ${ends.join(", ")})`, ends.length, CRASH_BUDGET + 1);
  scene.check("no worker ended with status 0", ends.includes("0"), false);
  const completed = ledger(scene).filter((line) => line.startsWith("end "));
  scene.check("every good item ended", new Set(completed.map((line) => line.split(" ")[1])).size, good.length);
  scene.check("verify", await milepost.verify(), []);
}

const ACTS: readonly { readonly act: string; readonly isSlow: boolean }[] = [
  { act: "exit", isSlow: false },
  { act: "abort", isSlow: true },
  { act: "memory", isSlow: true },
  { act: "unhandled", isSlow: true },
  { act: "timer-throw", isSlow: true },
  { act: "emitter", isSlow: true },
];

export const dyingWorkerFaults: readonly Fault[] = ACTS.map(({ act, isSlow }) => ({
  name: `worker-dies-by-${act}`,
  expected: "the crash is counted, the item ends as poison within its budget, the others are completed, none is lost",
  isSlow,
  run: (scene) => supervise(scene, act),
}));

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(dyingWorkerFaults.filter(({ name }) => wanted === undefined || name.endsWith(wanted)));
}
