import { MilepostError } from "../../src/core/errors.ts";
import type { Claimed, Store } from "../../src/ports/store.ts";
import { describeCall } from "./describe-call.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { drawLatency } from "./weather.ts";

/** The port's methods that are calls; the others are a text, a subscription and a thread that no simulation can have. */
export type StoreCall = Exclude<keyof Store, "location" | "pulse" | "subscribe" | "close">;

const CALLS = [
  "openSession",
  "beat",
  "orders",
  "closeSession",
  "reap",
  "submit",
  "claim",
  "record",
  "amend",
  "control",
  "queues",
  "sessions",
  "session",
  "batches",
  "batch",
  "items",
  "item",
  "changes",
  "breakdown",
  "learn",
  "history",
  "evidence",
  "prune",
  "verify",
  "checkpoint",
] as const satisfies readonly StoreCall[];

/**
 * The shared store as one process reaches it: calls take their time, may overtake each other, fail before or after they took
 * effect, and go nowhere during an outage. What is on its way when the process dies may still arrive.
 */
export function faultyStore(process: SimulatedProcess): Store {
  const { world } = process;
  const main = world.random(`network ${process.name}`);
  let isClosed = false;
  const unsubscribes = new Set<() => void>();

  // What is done for estimates has a chance of its own, so that it changes nothing of what else happens.
  const aside = world.random(`estimates ${process.name}`);

  function call(method: StoreCall, args: readonly unknown[]): Promise<unknown> {
    if (isClosed) return Promise.reject(new MilepostError("CLOSED", "the store is closed"));
    const random = method === "learn" || method === "evidence" ? aside : main;
    const latency = (): number => drawLatency(world.weather, random, world.isCalm);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (process.isDead) return promise;
    const answer = (settle: () => void): void => void process.clock.after(latency(), settle);
    const isLost = !world.isCalm && random.isTrue(world.weather.failure);
    const isAnswerLost = !world.isCalm && random.isTrue(world.weather.lostReply);
    const diesWithProcess = random.isTrue(0.5);
    world.clock.after(latency(), async () => {
      if (process.isDead && (diesWithProcess || process.restarts < world.restarts)) return;
      if (isLost || (!world.isCalm && world.clock.monotonic() < world.outageUntilMs)) {
        world.note(`${process.name} ${method} fails`, false);
        return answer(() => reject(unavailable("it was not reached")));
      }
      const what = describeCall(method, args);
      try {
        const result = await world.checks.carryOut(process, method, args);
        const outcome = what.result(result);
        const text = `${process.name} ${what.text} → ${outcome || "nothing"}${isAnswerLost ? " (answer lost)" : ""}`;
        world.note(text, outcome !== "");
        if (isAnswerLost) return answer(() => reject(unavailable("its answer was lost")));
        answer(() => {
          if (method === "openSession") process.sessions.push(result as number);
          if (method === "claim") for (const lease of (result as Claimed).leases) process.grant(lease);
          resolve(result);
        });
      } catch (error) {
        world.note(`${process.name} ${what.text} throws ${String(error)}`);
        answer(() => reject(error));
      }
    });
    return promise;
  }

  const calls = Object.fromEntries(
    CALLS.map((method) => [method, (...args: readonly unknown[]) => call(method, args)]),
  ) as unknown as Pick<Store, StoreCall>;
  return {
    ...calls,
    location: "simulated:",
    subscribe(listener) {
      // Commits that follow each other closely are one hint, as for whoever polls a file.
      let isUnderWay = false;
      const hint = (): void => {
        if (isUnderWay || (!world.isCalm && main.isTrue(world.weather.lostHint))) return;
        isUnderWay = true;
        const times = main.isTrue(0.05) ? 2 : 1;
        for (let time = 0; time < times; time++) {
          process.clock.after(1 + 30 * main.fraction(), () => {
            isUnderWay = false;
            if (world.listeners.has(hint)) listener(true);
          });
        }
      };
      world.listeners.add(hint);
      const unsubscribe = (): void => void world.listeners.delete(hint);
      unsubscribes.add(unsubscribe);
      return unsubscribe;
    },
    close: async () => {
      isClosed = true;
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
}

function unavailable(why: string): MilepostError {
  return new MilepostError("STORE_UNAVAILABLE", `the store does not answer: ${why}`);
}
