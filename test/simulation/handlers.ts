import { NoRetryError } from "../../src/core/errors.ts";
import { Attempt } from "../../src/engine/attempt.ts";
import type { Handler, HandlerItem, Step } from "../../src/engine/pipeline.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import type { Run } from "./run-ledger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** How items behave; an item's key begins with its kind. */
export const KINDS = ["brisk", "steady", "flaky", "hopeless", "refused", "odd", "deaf", "killer"] as const;
/** Behaviour that needs a time limit, or its item never ends. */
export const STUCK = "stuck";

const STAGES = ["read", "work", "write"] as const;

type Act = (scene: {
  readonly process: SimulatedProcess;
  readonly item: HandlerItem;
  readonly step: Step;
  readonly run: Run;
  readonly random: SeededRandom;
}) => Promise<unknown>;

/** Things that handlers throw though nobody should. */
const ODD: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => "text with \0 and \ud800",
  () => Object.freeze({ message: { not: "a text" } }),
  () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("not even looked at");
        },
      },
    ),
  () => "long ".repeat(2_000),
];

const ACTS: Readonly<Record<string, Act>> = {
  brisk: async ({ process, random }) => {
    if (random.isTrue(0.7)) await process.sleep(random.fraction() * 20);
    return random.isTrue(0.5) ? { done: true } : undefined;
  },
  steady: async ({ process, item, step, run, random }) => {
    const { ledger } = process.world;
    const units = random.between(1, 6);
    for (const stage of STAGES) {
      step.stage(stage, { total: units, unit: "page" });
      for (let unit = 1; unit <= units; unit++) {
        await sleepOrAbort(process, step, random.fraction() * 150);
        if (random.isTrue(0.3)) await step.paused();
        step.progress(unit, units);
        if (!random.isTrue(0.15)) continue;
        const sequence = ledger.nextSave();
        await step.save({ sequence });
        ledger.saved(run, sequence);
      }
    }
    return { attempt: item.attempt };
  },
  flaky: async ({ process, item, random }) => {
    await process.sleep(random.fraction() * 80);
    if (random.isTrue(0.5)) throw new Error(`attempt ${item.attempt} failed`);
    return item.attempt;
  },
  hopeless: async ({ process, random }) => {
    await process.sleep(random.fraction() * 50);
    throw new Error("this never works");
  },
  refused: async () => {
    throw new NoRetryError("another attempt cannot help", { code: "REFUSED" });
  },
  odd: async ({ random }) => {
    if (random.isTrue(0.5)) return Symbol("not JSON");
    throw random.pick(ODD)?.();
  },
  // Goes on whatever it is told, and reports late.
  deaf: async ({ process, random }) => {
    await process.sleep(200 + random.fraction() * 2_500);
    return "late";
  },
  killer: async ({ process, run, random }) => {
    const crashBudget = process.world.checks.follower.batch(run.batch)?.policy.crashBudget;
    if (crashBudget !== undefined) process.world.ledger.killerStarted(run, crashBudget);
    await process.sleep(random.fraction() * 60);
    process.crash();
    return new Promise(() => {});
  },
  [STUCK]: () => new Promise(() => {}),
};

/** The handler of every pipeline in a process: behaves as the item's key says, under the eyes of the ledger. */
export function simulatedHandler(process: SimulatedProcess): Handler {
  return async (item, step) => {
    if (process.isDead) return new Promise(() => {});
    const { world } = process;
    // A worker may still start under a lease that it lost, though it has claimed the item anew.
    const run = world.ledger.start(process, item, step instanceof Attempt ? step.lease : undefined);
    world.ledger.startedByWorker(run);
    onAbort(step, () => world.ledger.aborted(run, step.signal.reason));
    const random = world.random(`run ${item.id} ${run.token}`);
    const act = ACTS[item.key.split("-", 1)[0] ?? ""];
    if (act === undefined) throw new Error(`no behaviour is known for ${item.key}`);
    try {
      const output = await act({ process, item, step, run, random });
      world.ledger.end(run, "returned");
      return output;
    } catch (error) {
      world.ledger.end(run, "threw");
      throw error;
    }
  };
}

function onAbort(step: Step, call: () => void): void {
  if (step.signal.aborted) call();
  else step.signal.addEventListener("abort", call, { once: true });
}

async function sleepOrAbort(process: SimulatedProcess, step: Step, delayMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = process.clock.after(delayMs, resolve);
    onAbort(step, () => {
      timer.cancel();
      reject(step.signal.reason);
    });
  });
}
