/** Many processes on one file at once. Run alone: `npx node test/faults/busy-files.ts [name]`. */
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { ledger, openGate, openIn, startWorker, stopWorker, until } from "./support/scenery.ts";

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
  // One more than a worker can run at once, and they wait: so both work.
  const shared = Array.from({ length: settings.concurrency + 1 }, (_, index) => ({
    key: `shared-${index}`,
    input: { gate: "go" },
  }));
  const { batch } = await milepost.submit({ pipeline: "work", items: shared, priority: "high" });
  await until(batch, ({ counts }) => counts.processing === shared.length);
  const shares = new Set(startsIn(scene, "shared-").map((line) => line.split(" ").at(-1)));
  scene.check("workers that had a share", shares.size, 2);
  openGate(scene, "go");
  const ended = await Promise.all([batch, ...made].map((batch) => batch.done()));
  scene.check(
    "completed",
    ended.reduce((sum, { counts }) => sum + counts.completed, 0),
    batches * items + shared.length,
  );
  scene.check("starts of handlers: each item once", startsIn(scene, "").length, batches * items + shared.length);
  await Promise.all(workers.map(stopWorker));
  scene.check("complaints of the workers", workers.map(({ stderr }) => stderr).join(""), "");
  scene.check("verify", await milepost.verify(), []);
}

/** What handlers noted of their starts, of items whose keys begin so. */
function startsIn(scene: Scene, key: string): readonly string[] {
  return ledger(scene).filter((line) => line.startsWith(`start ${key}`));
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
