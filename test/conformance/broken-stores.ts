import type { BatchRow } from "../../src/core/batch.ts";
import type { Report, Store } from "../../src/ports/store.ts";
import { type MemoryItem, type MemoryState, placeItem } from "../../src/stores/memory/memory-state.ts";

/** A memory store with one bug, and the case of the conformance suite that must notice it. */
export interface BrokenStore {
  readonly bug: string;
  readonly caughtBy: string;
  readonly breakIt: (store: Store, state: MemoryState) => Partial<Store>;
}

function itemsOf(state: MemoryState): MemoryItem[] {
  return [...state.batches.values()].flatMap((batch) => batch.items.filter((item) => item !== undefined));
}

/** Puts the lease that would be accepted under each report of the given kind: nobody checks what came. */
function unfenced(store: Store, state: MemoryState, type: Report["type"]): Pick<Store, "record"> {
  const forge = (report: Report): Report => {
    const item = itemsOf(state).find(({ number }) => number === report.item);
    if (item === undefined || report.type !== type) return report;
    return { ...report, lease: item.worker === 0 ? null : { token: item.token, worker: item.worker } };
  };
  return { record: (reports, now) => store.record(reports.map(forge), now) };
}

/** Shows batches otherwise than they are, wherever they are read. */
function misread(store: Store, change: (row: BatchRow) => BatchRow): Pick<Store, "batch" | "batches"> {
  return {
    batch: async (ref) => {
      const row = await store.batch(ref);
      return row === null ? null : change(row);
    },
    batches: async (query) => (await store.batches(query)).map(change),
  };
}

/** Changes the state for the time of one call. */
function during<T>(change: () => () => void, call: () => Promise<T>): Promise<T> {
  const restore = change();
  return call().finally(restore);
}

export const BROKEN_STORES: readonly BrokenStore[] = [
  {
    bug: "the token is not checked on complete",
    caughtBy: "a late report is refused while the new holder is processing",
    breakIt: (store, state) => unfenced(store, state, "complete"),
  },
  {
    bug: "the token is not checked on fail",
    caughtBy: "the right token in the hand of another worker is refused",
    breakIt: (store, state) => unfenced(store, state, "fail"),
  },
  {
    bug: "the token is not checked on progress",
    caughtBy: "a late report is refused while the new holder has not started",
    breakIt: (store, state) => unfenced(store, state, "progress"),
  },
  {
    bug: "the token is not checked on release",
    caughtBy: "a late report is refused while the new holder is processing",
    breakIt: (store, state) => unfenced(store, state, "release"),
  },
  {
    bug: "a retry starts the tokens again",
    caughtBy: "tokens never start again, not even after an explicit retry",
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const result = await store.control(command, now);
        if (command.type === "retry") for (const item of itemsOf(state)) item.token = 0;
        return result;
      },
    }),
  },
  {
    bug: "a late report raises the version",
    caughtBy: "a late report is refused while the item waits for a holder",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        for (const batch of state.batches.values()) if (results.some((result) => !result.ok)) batch.version += 1;
        return results;
      },
    }),
  },
  {
    bug: "a refused report refuses its neighbours",
    caughtBy: "many reports are one commit, and each answers for itself",
    breakIt: (store) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        return results.find((result) => !result.ok) === undefined
          ? results
          : results.map(() => ({ ok: false, reason: "lease-lost" }) as const);
      },
    }),
  },
  {
    bug: "a counter is moved twice",
    caughtBy: "an item goes from pending over processing to completed",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        if (reports[0]?.type !== "complete") return results;
        for (const batch of state.batches.values()) {
          batch.counts = { ...batch.counts, completed: batch.counts.completed + 1, pending: batch.counts.pending - 1 };
        }
        return results;
      },
    }),
  },
  {
    bug: "the fractions of ended items stay in the sum",
    caughtBy: "the percent counts items in flight, never goes back and is 100 only at the end",
    breakIt: (store) => misread(store, (row) => ({ ...row, flight: row.flight + row.counts.completed })),
  },
  {
    bug: "progress does not raise the version",
    caughtBy: "the feed resumes from every version to the same end, removals too, in pages of any size",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const before = [...state.batches.values()].map((batch) => ({ batch, version: batch.version }));
        const results = await store.record(reports, now);
        if (reports.every((report) => report.type === "progress"))
          for (const { batch, version } of before) batch.version = version;
        return results;
      },
    }),
  },
  {
    bug: "the version rises by two",
    caughtBy: "many reports are one commit, and each answers for itself",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        for (const batch of state.batches.values()) batch.version += 1;
        return results;
      },
    }),
  },
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
  {
    bug: "a batch ends a second time",
    caughtBy: "two last items end the batch once",
    breakIt: (store, state) => ({
      checkpoint: async (number, now) => {
        await store.checkpoint(number, now);
        for (const batch of state.batches.values()) if (batch.endedAt !== null) batch.endedAt = now;
      },
    }),
  },
  {
    bug: "a batch ends before it is sealed",
    caughtBy: "only a sealed batch ends",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        for (const batch of state.batches.values()) {
          if (batch.counts.pending + batch.counts.processing === 0) batch.endedAt ??= now;
        }
        return results;
      },
    }),
  },
  {
    bug: "the epoch does not rise",
    caughtBy: "new items open an ended batch again as a new epoch, which ends again",
    breakIt: (store) => misread(store, (row) => ({ ...row, epoch: 1 })),
  },
  {
    bug: "the percent goes back",
    caughtBy: "the percent counts items in flight, never goes back and is 100 only at the end",
    breakIt: (store) => misread(store, (row) => ({ ...row, percentFloor: 0 })),
  },
  {
    bug: "the feed misses removals",
    caughtBy: "the feed resumes from every version to the same end, removals too, in pages of any size",
    breakIt: (store) => ({
      changes: async (batch, since, limit) => ({ ...(await store.changes(batch, since, limit)), removals: [] }),
    }),
  },
  {
    bug: "the feed misses an item at the end of a page",
    caughtBy: "the feed resumes from every version to the same end, removals too, in pages of any size",
    breakIt: (store) => ({
      changes: async (batch, since, limit) => {
        const page = await store.changes(batch, since, limit);
        return page.hasMore ? { ...page, items: page.items.slice(0, -1) } : page;
      },
    }),
  },
  {
    bug: "the feed repeats what was told",
    caughtBy: "snapshot and feed join without hole or overlap",
    breakIt: (store) => ({ changes: (batch, since, limit) => store.changes(batch, Math.max(0, since - 1), limit) }),
  },
  {
    bug: "the feed resumes from the future",
    caughtBy: "a version of the future or of no batch cannot be resumed from",
    breakIt: (store) => ({
      changes: async (batch, since, limit) => ({ ...(await store.changes(batch, since, limit)), isResumable: true }),
    }),
  },
  {
    bug: "a completed item can be retried",
    caughtBy: "retry of an item: allowed once it has failed or was cancelled",
    breakIt: (store) => ({
      control: async (command, now) => {
        const result = await store.control(command, now);
        return command.type === "retry" && !result.ok ? { ok: true, changed: 1, more: false, revision: 0 } : result;
      },
    }),
  },
  {
    bug: "a running item can be removed",
    caughtBy: "remove of an item: refused while it runs",
    breakIt: (store) => ({
      control: async (command, now) => {
        if (command.type === "remove") await store.control({ ...command, type: "cancel" }, now);
        return store.control(command, now);
      },
    }),
  },
  {
    bug: "a cancel does not reach what runs",
    caughtBy: "a late success of a cancelled item is refused",
    breakIt: (store) => ({
      control: async (command, now) =>
        command.type === "cancel" && "item" in command.target
          ? { ok: true, changed: 1, more: false, revision: 1 }
          : store.control(command, now),
    }),
  },
  {
    bug: "a large command is one step",
    caughtBy: "cancel of a large batch goes in steps, and nothing more starts or succeeds after the first",
    breakIt: (store) => ({
      control: async (command, now) => {
        let result = await store.control(command, now);
        while (result.ok && result.more) result = await store.control(command, now);
        return result;
      },
    }),
  },
  {
    bug: "orders raise no revision",
    caughtBy: "commands that workers must act on raise the revision, and confirmations are kept",
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const before = state.revision;
        const result = await store.control(command, now);
        state.revision = before;
        return result.ok ? { ...result, revision: before } : result;
      },
    }),
  },
  {
    bug: "living workers are reaped",
    caughtBy: "a lease is not lost before its time, nor by a jump of the wall clock",
    breakIt: (store) => ({ reap: (now) => store.reap(now, () => true) }),
  },
  {
    bug: "crashes are not counted",
    caughtBy: "the crash that spends the budget ends the item as poison",
    breakIt: (store, state) => ({
      reap: async (now, isDead) => {
        const reaped = await store.reap(now, isDead);
        for (const item of itemsOf(state)) if (item.state === "pending") item.crashes = 0;
        return reaped;
      },
    }),
  },
  {
    bug: "a closed session counts a crash",
    caughtBy: "a closed session gives everything back without a crash",
    breakIt: (store, state) => ({
      closeSession: async (worker, now) => {
        const spec = state.workers.get(worker)?.spec;
        await store.reap(now, (session) => session.pid === spec?.pid);
      },
    }),
  },
  {
    bug: "a reaped session can go on beating",
    caughtBy: "a session that beats keeps its items, one that does not loses them",
    breakIt: () => ({ beat: async () => true }),
  },
  {
    bug: "saved data is lost with the attempt",
    caughtBy: "a failed attempt goes back to pending with what it saved, and its error is kept with the attempt",
    breakIt: (store) => ({
      record: (reports, now) => {
        const withoutSaved = reports.map((report): Report => {
          if (report.type !== "fail") return report;
          const { saved: _saved, ...rest } = report;
          return rest;
        });
        return store.record(withoutSaved, now);
      },
    }),
  },
  {
    bug: "the failure budget is not kept",
    caughtBy: "a spent failure budget pauses or stops the batch",
    breakIt: (store, state) => ({
      record: async (reports, now) => {
        const results = await store.record(reports, now);
        for (const batch of state.batches.values()) batch.control = "run";
        return results;
      },
    }),
  },
  {
    bug: "repeated keys are not told apart from known ones",
    caughtBy: "a key that is repeated in one submission is one item and a verdict",
    breakIt: (store) => ({ submit: (submission) => store.submit({ ...submission, firstOrdinal: 2 ** 30 }) }),
  },
  {
    bug: "prune deletes what is to be kept",
    caughtBy: "prune keeps the newest ended ones, by owner and queue, a few at a time",
    breakIt: (store) => ({ prune: (retention, now) => store.prune({ ...retention, keep: 0 }, now) }),
  },
  {
    bug: "verify never finds anything",
    caughtBy: "verify finds a wrong counter and mends it when asked",
    breakIt: () => ({ verify: async () => [] }),
  },
  {
    bug: "verify mends without being asked",
    caughtBy: "verify finds a wrong counter and mends it when asked",
    breakIt: (store) => ({ verify: () => store.verify({ repair: true }) }),
  },
  {
    bug: "listeners are called after they left",
    caughtBy: "listeners hear of commits until they unsubscribe",
    breakIt: (store) => ({
      subscribe: (listener) => {
        store.subscribe(listener);
        return () => {};
      },
    }),
  },
];
