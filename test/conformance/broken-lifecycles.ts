import type { Report } from "../../src/ports/store.ts";
import { type BrokenStore, itemsOf, misread } from "./broken-store.ts";

/** Bugs in ends, feeds, commands, sessions and upkeep. */
export const BROKEN_LIFECYCLES: readonly BrokenStore[] = [
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
    bug: "versions are told of batches that ended",
    caughtBy: "the versions of many batches come in one read, and those of all that have not ended",
    breakIt: (store, state) => ({ versions: (ids, owner) => store.versions(ids ?? [...state.byId.keys()], owner) }),
  },
  {
    bug: "a batch is found by its id, whoever asks",
    caughtBy: "with an owner, a batch of somebody else is not found by its id, nor by that of an item",
    breakIt: (store) => ({ batch: (ref) => store.batch("id" in ref ? { id: ref.id } : ref) }),
  },
  {
    bug: "a batch is found by the id of an item, whoever asks",
    caughtBy: "with an owner, a batch of somebody else is not found by its id, nor by that of an item",
    breakIt: (store) => ({ batch: (ref) => store.batch("itemId" in ref ? { itemId: ref.itemId } : ref) }),
  },
  {
    bug: "versions are told to whoever asks",
    caughtBy: "with an owner, a batch of somebody else is not found by its id, nor by that of an item",
    breakIt: (store) => ({ versions: (ids) => store.versions(ids) }),
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
    bug: "clear deletes what has ended too",
    caughtBy: "clear of an item: only while it is pending",
    breakIt: (store) => ({
      control: (command, now) =>
        store.control(command.type === "clear" ? { ...command, type: "remove" } : command, now),
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
    bug: "a draining worker can claim",
    caughtBy: "a worker that drains hears of it with its orders and is given nothing more",
    breakIt: (store, state) => ({
      claim: async (request) => {
        const worker = state.workers.get(request.worker);
        const isDraining = worker?.isDraining ?? false;
        if (worker !== undefined) worker.isDraining = false;
        const claimed = await store.claim(request);
        if (worker !== undefined) worker.isDraining = isDraining;
        return claimed;
      },
    }),
  },
  {
    bug: "only the first orders tell of draining",
    caughtBy: "a worker that drains hears of it with its orders and is given nothing more",
    breakIt: (store) => ({
      orders: async (worker, confirmed) => {
        const orders = await store.orders(worker, confirmed);
        return { ...orders, isDraining: orders.isDraining && orders.revision !== confirmed };
      },
    }),
  },
  {
    bug: "a beat ends the draining",
    caughtBy: "draining is for good, and for workers alone",
    breakIt: (store, state) => ({
      beat: async (number) => {
        const worker = state.workers.get(number);
        if (worker !== undefined) worker.isDraining = false;
        return store.beat(number);
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
    bug: "listeners are never told of an end",
    caughtBy: "listeners are told that a batch may have ended, whatever ended it",
    breakIt: (store) => ({ subscribe: (listener) => store.subscribe(() => listener(false)) }),
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
