import type { Counts } from "../../src/core/counts.ts";
import type { Report } from "../../src/ports/store.ts";
import {
  dropHolder,
  type MemoryBatch,
  type MemoryQueue,
  type MemoryState,
  placeItem,
} from "../../src/stores/memory/memory-state.ts";
import { itemsOf } from "../conformance/broken-store.ts";
import { BROKEN_CARE } from "./broken-care.ts";
import type { BrokenEngine } from "./broken-engine.ts";
import { BROKEN_LIVES } from "./broken-lives.ts";
import type { BreakIt } from "./history.ts";

/** Accepts late reports: puts the lease that would be accepted under each one that `isTaken`. */
function unfenced(isTaken: (state: MemoryState, report: Report) => boolean): BreakIt {
  return (store, state) => ({
    record: (reports, now) => {
      const forged = reports.map((report) => {
        const item = itemsOf(state).find(({ number }) => number === report.item);
        if (item === undefined || !isTaken(state, report)) return report;
        return { ...report, lease: item.worker === 0 ? null : { token: item.token, worker: item.worker } };
      });
      return store.record(forged, now);
    },
  });
}

/** The worker's session is there no more. */
function isGivenUp(state: MemoryState, { lease }: Report): boolean {
  return lease !== null && !state.workers.has(lease.worker);
}

/** Counts that are written with the next call, not with the change that they count. */
const lateCounts: BreakIt = (store, state) => {
  const due = new Map<MemoryBatch, Counts>();
  return {
    record: async (reports, now) => {
      for (const [batch, counts] of due) batch.counts = counts;
      due.clear();
      const before = new Map(Array.from(state.batches.values(), (batch) => [batch, batch.counts]));
      const results = await store.record(reports, now);
      for (const [batch, counts] of before) {
        if (batch.endedAt !== null) continue;
        due.set(batch, batch.counts);
        batch.counts = counts;
      }
      return results;
    },
  };
};

/** Pauses that came since the worker claimed before go unseen. */
const stalePauses: BreakIt = (store, state) => {
  const seen = new Map<number, ReadonlySet<MemoryQueue | MemoryBatch>>();
  return {
    claim: async (request) => {
      const all = [...state.queues.values(), ...state.batches.values()];
      const running = seen.get(request.worker);
      const paused = all.filter((each) => each.control !== "run");
      const unseen = paused.filter((each) => running?.has(each)).map((each) => [each, each.control] as const);
      for (const [each] of unseen) each.control = "run";
      const claimed = await store.claim(request);
      for (const [each, control] of unseen) each.control = control;
      seen.set(request.worker, new Set(all.filter((each) => !paused.includes(each))));
      return claimed;
    },
  };
};

/** What others have claimed and not started is there to be claimed again. */
const givenOutTwice: BreakIt = (store, state) => ({
  claim: async (request) => {
    const waiting = [...state.workers.values()].flatMap((worker) =>
      Array.from(worker.held, (item) => [worker, item] as const).filter(([, item]) => item.state === "pending"),
    );
    for (const [, item] of waiting) {
      dropHolder(state, item);
      placeItem(state, item);
    }
    const claimed = await store.claim(request);
    for (const [worker, item] of waiting) worker.held.add(item);
    return claimed;
  },
});

/** What is completed passes for failed when a batch is retried. */
const retriesAll: BreakIt = (store, state) => ({
  control: async (command, now) => {
    const { type, target } = command;
    const batch = type === "retry" && "batch" in target ? state.batches.get(target.batch) : undefined;
    if (batch !== undefined) {
      for (const item of batch.items) if (item?.state === "completed") item.state = "failed";
      const { completed, failed } = batch.counts;
      batch.counts = { ...batch.counts, completed: 0, failed: failed + completed };
    }
    return store.control(command, now);
  },
});

/** The priorities of all batches taken away for the time of a claim. */
const blindToPriority: BreakIt = (store, state) => ({
  claim: async (request) => {
    const priorities = new Map(Array.from(state.batches.values(), (batch) => [batch, batch.priority]));
    for (const batch of priorities.keys()) batch.priority = 0;
    const claimed = await store.claim(request);
    for (const [batch, priority] of priorities) batch.priority = priority;
    return claimed;
  },
});

/** Bugs that a queue of work may well have, each as a wrapper of the memory store. */
export const BROKEN_ENGINES: readonly BrokenEngine[] = [
  {
    bug: "a token is not checked",
    breaks: ["a late report is refused"],
    breakIt: unfenced(() => true),
  },
  {
    bug: "a completion by a session that was given up is accepted",
    breaks: ["a late report is refused"],
    breakIt: unfenced((state, report) => report.type === "complete" && isGivenUp(state, report)),
  },
  {
    bug: "whoever holds no lease ends what others hold",
    breaks: ["a late report is refused"],
    breakIt: unfenced((_state, { lease }) => lease === null),
  },
  {
    bug: "what one worker has claimed another is given",
    breaks: ["an item is never under two live leases"],
    breakIt: givenOutTwice,
  },
  {
    bug: "a retry takes what is completed",
    breaks: ["terminal changes only by explicit retry"],
    breakIt: retriesAll,
  },
  {
    bug: "a counter is moved outside the commit",
    breaks: ["counters equal a recount"],
    breakIt: lateCounts,
  },
  {
    bug: "a pause is read before the claim",
    breaks: ["nothing of a paused queue or batch is claimed", "nothing starts after a pause was acknowledged"],
    breakIt: stalePauses,
  },
  {
    bug: "orders are confirmed before they are carried out",
    breaks: ["nothing starts after a pause was acknowledged"],
    breakIt: (store) => ({
      orders: async (worker, confirmed) => {
        const orders = await store.orders(worker, confirmed);
        await store.orders(worker, orders.revision);
        return orders;
      },
    }),
  },
  {
    bug: "the reaper takes items from workers that live",
    breaks: ["a session that lives is not reaped"],
    breakIt: (store, state) => ({
      reap: (now, isDead) => {
        const silent = [...state.workers.values()]
          .filter(({ beatAt, spec }) => state.clock.monotonic() - beatAt > spec.leaseMs / 4)
          .map(({ spec }) => spec.pid);
        return store.reap(now, (session) => isDead(session) || silent.includes(session.pid));
      },
    }),
  },
  {
    bug: "the feed skips a version",
    breaks: ["counters equal a recount", "the feed misses nothing", "a resumed reader misses nothing"],
    breakIt: (store) => ({
      changes: async (batch, since, limit) => {
        const page = await store.changes(batch, since, limit);
        return { ...page, items: page.items.filter(({ version }) => version % 7 !== 0) };
      },
    }),
  },
  {
    bug: "a retry starts the tokens again",
    breaks: ["tokens strictly grow", "tokens and attempts never go back"],
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const result = await store.control(command, now);
        if (command.type === "retry" && "item" in command.target) {
          const { item: number } = command.target;
          for (const item of itemsOf(state)) if (item.number === number && item.state === "pending") item.token = 0;
        }
        return result;
      },
    }),
  },
  {
    bug: "the limit of a queue counts the asking worker's items alone",
    breaks: ["the concurrency of a queue is never exceeded"],
    breakIt: (store, state) => ({
      claim: async (request) => {
        const held = new Map(Array.from(state.queues.values(), (queue) => [queue, queue.held]));
        const own = [...(state.workers.get(request.worker)?.held ?? [])];
        for (const queue of held.keys()) queue.held = own.filter(({ batch }) => batch.queue === queue).length;
        const ownBefore = new Map(Array.from(held.keys(), (queue) => [queue, queue.held]));
        const claimed = await store.claim(request);
        for (const [queue, count] of held) queue.held = count + queue.held - (ownBefore.get(queue) ?? 0);
        return claimed;
      },
    }),
  },
  {
    bug: "claims know nothing of the priority of batches",
    breaks: ["claims go by priority, then age, with a quarter for younger batches"],
    breakIt: blindToPriority,
  },
  {
    bug: "the oldest batch leaves nothing to younger ones",
    breaks: ["claims go by priority, then age, with a quarter for younger batches"],
    breakIt: (store) => ({ claim: (request) => store.claim({ ...request, turn: 0 }) }),
  },
  {
    bug: "a claim ends with the first item",
    breaks: ["a claim leaves nothing that is ready"],
    breakIt: (store) => ({ claim: (request) => store.claim({ ...request, limit: 1 }) }),
  },
  {
    bug: "crashes are not counted",
    breaks: ["a poison item ends failed"],
    breakIt: (store) => ({
      reap: async (now, isDead) => {
        const gone = (await store.sessions()).filter((each) => each.silentMs > each.leaseMs || isDead(each));
        for (const { number } of gone) await store.closeSession(number, now);
        return gone.length;
      },
    }),
  },
  {
    bug: "what a handler saved dies with its worker",
    breaks: ["nothing acknowledged is lost"],
    breakIt: (store, state) => ({
      reap: async (now, isDead) => {
        const held = itemsOf(state).filter(({ worker }) => worker !== 0);
        const reaped = await store.reap(now, isDead);
        for (const item of held) if (item.worker === 0) item.saved = null;
        return reaped;
      },
    }),
  },
  {
    bug: "a submission is acknowledged and a part of it is not written",
    breaks: ["nothing acknowledged is lost"],
    breakIt: (store) => ({
      submit: async (submission) => {
        const submitted = await store.submit({ ...submission, items: submission.items.slice(0, 12) });
        const lost = submission.items.slice(12);
        return { ...submitted, verdicts: [...submitted.verdicts, ...lost.map(() => "added" as const)] };
      },
    }),
  },
  {
    bug: "a session that was given up is told that it lives",
    breaks: [
      "after the last fault everything ends",
      "what runs without a lease is aborted",
      "a worker that lives has a session",
    ],
    breakIt: (store) => ({
      beat: async (worker) => {
        await store.beat(worker);
        return true;
      },
    }),
  },
  ...BROKEN_LIVES,
  ...BROKEN_CARE,
];
