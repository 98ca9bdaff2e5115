import { placeItem } from "../../src/stores/memory/memory-state.ts";
import { type BrokenStore, itemsOf } from "./broken-store.ts";

/** Changes the state for the time of one call. */
function during<T>(change: () => () => void, call: () => Promise<T>): Promise<T> {
  const restore = change();
  return call().finally(restore);
}

/** Bugs in who gets what. */
export const BROKEN_CLAIMS: readonly BrokenStore[] = [
  {
    bug: "a claim ignores the pause of a queue",
    caughtBy: "nothing of a paused or stopped queue or batch is claimed",
    breakIt: (store, state) => ({
      claim: (request) =>
        during(
          () => {
            const was = [...state.queues.values()].map((queue) => ({ queue, control: queue.control }));
            for (const { queue } of was) queue.control = "run";
            return () => {
              for (const { queue, control } of was) queue.control = control;
            };
          },
          () => store.claim(request),
        ),
    }),
  },
  {
    bug: "a claim ignores that a batch is cancelled",
    caughtBy: "cancel of a large batch goes in steps, and nothing more starts or succeeds after the first",
    breakIt: (store, state) => ({
      claim: (request) =>
        during(
          () => {
            const was = [...state.batches.values()].filter((batch) => batch.isCancelled);
            for (const batch of was) batch.isCancelled = false;
            return () => {
              for (const batch of was) batch.isCancelled = true;
            };
          },
          () => store.claim(request),
        ),
    }),
  },
  {
    bug: "a claim ignores hold",
    caughtBy: "held items are passed over until they are let go",
    breakIt: (store, state) => ({
      claim: (request) =>
        during(
          () => {
            const held = itemsOf(state).filter((item) => item.isHeld);
            for (const item of held) {
              item.isHeld = false;
              placeItem(state, item);
            }
            return () => {
              for (const item of held) item.isHeld = true;
            };
          },
          () => store.claim(request),
        ),
    }),
  },
  {
    bug: "a claim takes more than its limit",
    caughtBy: "no item is held twice, and no claim exceeds its limit",
    breakIt: (store) => ({ claim: (request) => store.claim({ ...request, limit: request.limit + 1 }) }),
  },
  {
    bug: "an item can be held by two",
    caughtBy: "no item is held twice, and no claim exceeds its limit",
    breakIt: (store, state) => ({
      claim: async (request) => {
        const claimed = await store.claim(request);
        for (const lease of claimed.leases) {
          const item = itemsOf(state).find(({ number }) => number === lease.item);
          if (item === undefined) continue;
          item.worker = 0;
          placeItem(state, item);
        }
        return claimed;
      },
    }),
  },
  {
    bug: "a claim ignores the queue's concurrency",
    caughtBy: "all workers together hold no more than the queue's concurrency",
    breakIt: (store, state) => ({
      claim: (request) =>
        during(
          () => {
            for (const queue of state.queues.values()) queue.held -= 100;
            return () => {
              for (const queue of state.queues.values()) queue.held += 100;
            };
          },
          () => store.claim(request),
        ),
    }),
  },
  {
    bug: "a claim does not wait for back-offs and start times",
    caughtBy: "a failed attempt waits for its back-off, and the earliest one is told",
    breakIt: (store) => ({ claim: (request) => store.claim({ ...request, now: request.now + 10 ** 9 }) }),
  },
  {
    bug: "younger batches have no share",
    caughtBy: "a huge batch starves nobody: every fourth item comes from younger batches of equal priority",
    breakIt: (store) => ({
      claim: async (request) => {
        const leases = [];
        let nextAt: number | null = null;
        while (leases.length < request.limit) {
          const claimed = await store.claim({ ...request, limit: 1, turn: 0 });
          nextAt = claimed.nextAt;
          if (claimed.leases.length === 0) break;
          leases.push(...claimed.leases);
        }
        return { leases, nextAt };
      },
    }),
  },
  {
    bug: "the priority of items is ignored",
    caughtBy: "inside a batch: lower priority first, then first in, first out",
    breakIt: (store) => ({
      submit: (submission) =>
        store.submit({ ...submission, items: submission.items.map((item) => ({ ...item, priority: 0 })) }),
    }),
  },
  {
    bug: "last in, first out",
    caughtBy: "inside a batch: lower priority first, then first in, first out",
    breakIt: (store) => ({
      claim: async (request) => {
        const { leases, nextAt } = await store.claim(request);
        return { leases: leases.toReversed(), nextAt };
      },
    }),
  },
];
