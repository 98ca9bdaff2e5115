/** Handlers that misbehave without killing their process. Run alone: `npx node test/faults/handlers.ts [name]`. */
import { LIMITS } from "../../src/core/limits.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openIn, STORE } from "./support/scenery.ts";

const STORES = ["memory", "sqlite"] as const;

const trap = (): never => {
  throw new Error("a trap");
};

/** What is thrown, by the key of its item. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  number: () => Number.NaN,
  bigint: () => 10n ** 400n,
  symbol: () => Symbol("odd"),
  "empty text": () => "",
  "50 MiB of text": () => new Error("x".repeat(50 * 1_048_576)),
  "NUL and lone surrogate": () => new Error("a\0b\ud800c"),
  frozen: () => Object.freeze(new Error("frozen")),
  "throwing getters": () => ({
    get message() {
      return trap();
    },
    get name() {
      return trap();
    },
    get code() {
      return trap();
    },
    toString: trap,
  }),
  "no prototype": () => Object.create(null),
  proxy: () => new Proxy({}, { get: trap, getPrototypeOf: trap, has: trap, ownKeys: trap }),
  "revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  function: () => trap,
};

async function throwOddValues(scene: Scene, location: string): Promise<void> {
  const milepost = await openIn(scene, location);
  milepost.pipeline({
    name: "odd",
    attempts: 1,
    handler: ({ key }) => {
      if (key === "fine") return;
      throw THROWN[key]?.();
    },
  });
  await milepost.work({ concurrency: 3 });
  const keys = Object.keys(THROWN);
  const { batch } = await milepost.submit({ pipeline: "odd", items: [...keys, "fine"] });
  scene.check("counts", (await batch.done()).counts, {
    ...{ total: keys.length + 1, pending: 0, processing: 0, completed: 1, failed: keys.length, cancelled: 0 },
  });
  for (const key of keys) {
    const { state, error } = await batch.item(key).snapshot();
    scene.check(`${key}: ends`, state, "failed");
    scene.checkAtMost(
      `${key}: bytes of the message`,
      Buffer.byteLength(error?.message ?? ""),
      LIMITS.errorMessageBytes,
    );
    scene.checkText(`${key}: its message`, `${error?.name}: ${error?.message.slice(0, 80)}`, /^\w+: [^\0\ud800]+/);
  }
  scene.check("verify", await milepost.verify(), []);
}

async function neverSettle(scene: Scene, location: string): Promise<void> {
  const milepost = await openIn(scene, location);
  let aborts = 0;
  milepost.pipeline({
    name: "stuck",
    attempts: 2,
    delayMs: 0,
    timeoutMs: 100,
    handler: ({ key, attempt }, step) => {
      if (key === "fine" || (key === "once" && attempt > 1)) return;
      step.signal.addEventListener("abort", () => {
        aborts += 1;
      });
      return new Promise(() => {});
    },
  });
  const worker = await milepost.work({ concurrency: 1, abortGraceMs: 50 });
  const { batch } = await milepost.submit({ pipeline: "stuck", items: ["never", "once", "fine"] });
  scene.check("counts: the slot was free again for the others", (await batch.done()).counts, {
    ...{ total: 3, pending: 0, processing: 0, completed: 2, failed: 1, cancelled: 0 },
  });
  const outcomes = async (key: string) => (await batch.item(key).attempts()).map(({ outcome }) => outcome);
  scene.check("attempts of the one that never ends", await outcomes("never"), ["failed", "failed"]);
  scene.check("its error", (await batch.item("never").snapshot()).error?.code, "TIMEOUT");
  scene.check("attempts of the one that is stuck once", await outcomes("once"), ["failed", "completed"]);
  scene.check("handlers that were told by their signal", aborts, 3);
  scene.check("handlers that count as running", worker.running, 0);
  scene.check("verify", await milepost.verify(), []);
}

async function breakThreads(scene: Scene): Promise<void> {
  const milepost = await openIn(scene, "memory:");
  const module = new URL("./support/thread-handler.ts", import.meta.url);
  milepost.pipeline({ name: "threads", module, attempts: 1, crashBudget: 2, threadMemoryMb: 32, timeoutMs: 20_000 });
  await milepost.work({ concurrency: 2, abortGraceMs: 50 });
  const crashes = ["exit", "memory", "unhandled", "timer-throw", "emitter"];
  const { batch } = await milepost.submit({ pipeline: "threads", items: [...crashes, "abort", "fine", "fine too"] });
  scene.check("counts", (await batch.done()).counts, {
    ...{ total: 8, pending: 0, processing: 0, completed: 2, failed: 6, cancelled: 0 },
  });
  for (const key of crashes) {
    const { error, crashes: count } = await batch.item(key).snapshot();
    scene.check(`${key}: the thread dies alone, the crashes are counted`, [error?.code, count], ["POISON", 2]);
  }
  // A thread may not abort the process: Node answers with an error.
  const { error } = await batch.item("abort").snapshot();
  scene.check("abort: fails", error?.code, "ERR_WORKER_UNSUPPORTED_OPERATION");
}

function onEachStore(name: string, expected: string, run: (scene: Scene, location: string) => Promise<void>): Fault[] {
  return STORES.map((store) => ({
    name: `${name}-${store}`,
    expected,
    run: (scene) => run(scene, store === "memory" ? "memory:" : scene.path(STORE)),
  }));
}

export const handlerFaults: readonly Fault[] = [
  ...onEachStore(
    "throw-odd",
    "any value thrown: the item fails with an error that can be stored; the worker lives",
    throwOddValues,
  ),
  ...onEachStore("never-settle", "time limit, abort, then failed or retried; the slot is free again", neverSettle),
  {
    name: "break-threads",
    expected:
      "a thread that exits, runs out of memory or has an error nobody caught dies alone; the item ends as poison",
    run: breakThreads,
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(handlerFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
