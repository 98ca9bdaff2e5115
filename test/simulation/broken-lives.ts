import type { MemoryBatch } from "../../src/stores/memory/memory-state.ts";
import type { BrokenEngine } from "./broken-engine.ts";
import type { BreakIt } from "./history.ts";

/** Puts something of every batch that was there back to what it was before a submission. */
function keepingOverSubmission(keep: (batch: MemoryBatch) => () => void): BreakIt {
  return (store, state) => ({
    submit: async (submission) => {
      const putBack = Array.from(state.batches.values(), keep);
      const submitted = await store.submit(submission);
      for (const put of putBack) put();
      return submitted;
    },
  });
}

/** Claimed items stay with their workers when their batch or they themselves are removed. */
const heldAfterRemoval: BreakIt = (store, state) => ({
  control: async (command, now) => {
    const held = Array.from(state.workers.values(), (worker) => [worker, [...worker.held]] as const);
    const result = await store.control(command, now);
    if (command.type !== "remove") return result;
    for (const [worker, items] of held) for (const item of items) worker.held.add(item);
    return result;
  },
});

/** Ends batches that may still get items. */
const endsOpenBatches: BreakIt = (store, state) => ({
  record: async (reports, now) => {
    const results = await store.record(reports, now);
    for (const batch of state.batches.values()) {
      if (batch.counts.total > 0 && batch.counts.pending + batch.counts.processing === 0) batch.endedAt ??= now;
    }
    return results;
  },
});

/** Bugs in how batches begin anew, end and go, and in how processes and the store stop and come back. */
export const BROKEN_LIVES: readonly BrokenEngine[] = [
  {
    bug: "new items begin no epoch",
    breaks: ["an epoch begins exactly when a batch is opened again"],
    breakIt: keepingOverSubmission((batch) => {
      const { epoch } = batch;
      return () => {
        batch.epoch = epoch;
      };
    }),
  },
  {
    bug: "a batch that has ended stays so when items are added",
    breaks: ["a batch ends exactly when it is sealed and all is terminal"],
    breakIt: keepingOverSubmission((batch) => {
      const { endedAt } = batch;
      return () => {
        batch.endedAt = endedAt ?? batch.endedAt;
      };
    }),
  },
  {
    bug: "a batch that is open ends with its items",
    breaks: ["a batch ends exactly when it is sealed and all is terminal", "every change raises the version"],
    breakIt: endsOpenBatches,
  },
  {
    bug: "a worker of one batch is given items of others",
    breaks: ["a claim brings only what was asked for"],
    breakIt: (store) => ({ claim: ({ batch: _batch, ...request }) => store.claim(request) }),
  },
  {
    bug: "what was removed stays with the worker that holds it",
    breaks: ["nobody holds what was removed"],
    breakIt: heldAfterRemoval,
  },
  {
    bug: "a retention keeps one batch too few",
    breaks: ["what fell out of its retention is pruned, and nothing else"],
    breakIt: (store) => ({
      prune: (retention, now) => {
        const keep = retention.keep === null ? null : Math.max(0, retention.keep - 1);
        return store.prune({ ...retention, keep }, now);
      },
    }),
  },
  {
    bug: "a retention by age spares nothing by count",
    breaks: ["what fell out of its retention is pruned, and nothing else"],
    breakIt: (store) => ({
      prune: (retention, now) => {
        const keep = retention.olderThanMs === null ? retention.keep : null;
        return store.prune({ ...retention, keep }, now);
      },
    }),
  },
  {
    bug: "a worker that leaves is counted as dead",
    breaks: ["only a death counts as a crash"],
    breakIt: (store, state) => ({
      closeSession: async (worker, now) => {
        const left = state.workers.get(worker)?.spec;
        await store.reap(now, ({ pid }) => pid === left?.pid);
      },
    }),
  },
  {
    bug: "a worker that leaves is waited for until its lease is over",
    breaks: ["who stops in calm has left when it has stopped"],
    breakIt: () => ({ closeSession: async () => {} }),
  },
  {
    bug: "a restart forgets the sessions of workers",
    breaks: ["a restart changes nothing that was committed"],
    breakRestart: (state) => state.workers.clear(),
  },
  {
    bug: "a restart brings back the pauses of a moment ago",
    breaks: ["a restart changes nothing that was committed"],
    breakRestart: (state) => {
      for (const queue of state.queues.values()) queue.control = "run";
    },
  },
  {
    bug: "a restart begins to count commits anew",
    breaks: ["a version rises by one a commit", "every change raises the version"],
    breakRestart: (state) => {
      for (const batch of state.batches.values()) batch.version = 0;
    },
  },
];
