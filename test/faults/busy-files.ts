/** Many processes on one file at once. Run alone: `npx node test/faults/busy-files.ts [name]`. */
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { ledger, openIn, startWorker, stopWorker } from "./support/scenery.ts";

/** Workers drain while this process submits in small pieces and gives commands: everybody wants the write lock. */
async function contend(scene: Scene, options: { readonly batches: number; readonly items: number }): Promise<void> {
  const { batches, items } = options;
  const milepost = await openIn(scene);
  // The lease that workers have by default.
  const settings = { concurrency: 4, leaseMs: 15_000 };
  const workers = await Promise.all([startWorker(scene, settings), startWorker(scene, settings)]);
  const made = await Promise.all(
    Array.from({ length: batches }, async (_, number) => {
      const keys = Array.from({ length: items }, (_, index) => ({ key: `batch-${number}-item-${index}`, input: {} }));
      const { batch } = await milepost.submit({ pipeline: "work", items: keys });
      await milepost.queue("work").pause();
      await milepost.queue("work").resume();
      return batch;
    }),
  );
  const ended = await Promise.all(made.map((batch) => batch.done()));
  scene.check(
    "completed",
    ended.reduce((sum, { counts }) => sum + counts.completed, 0),
    batches * items,
  );
  const starts = ledger(scene).filter((line) => line.startsWith("start "));
  scene.check("starts of handlers: each item once", starts.length, batches * items);
  await Promise.all(workers.map(stopWorker));
  scene.check("complaints of the workers", workers.map(({ stderr }) => stderr).join(""), "");
  scene.check("verify", await milepost.verify(), []);
}

const EXPECTED = "two workers and a submitter on one file: each item runs once, nobody fails for the lock";

export const busyFileFaults: readonly Fault[] = [
  { name: "busy-file", expected: EXPECTED, run: (scene) => contend(scene, { batches: 8, items: 50 }) },
  {
    name: "busy-file-long",
    expected: EXPECTED,
    isSlow: true,
    run: (scene) => contend(scene, { batches: 40, items: 500 }),
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(busyFileFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
