import type { Report, Store } from "../../src/ports/store.ts";
import type { MemoryState } from "../../src/stores/memory/memory-state.ts";
import { type BrokenStore, itemsOf, misread } from "./broken-store.ts";

/** Puts the lease that would be accepted under each report of the given kind: nobody checks what came. */
function unfenced(store: Store, state: MemoryState, type: Report["type"]): Pick<Store, "record"> {
  const forge = (report: Report): Report => {
    const item = itemsOf(state).find(({ number }) => number === report.item);
    if (item === undefined || report.type !== type) return report;
    return { ...report, lease: item.worker === 0 ? null : { token: item.token, worker: item.worker } };
  };
  return { record: (reports, now) => store.record(reports.map(forge), now) };
}

/** Bugs in how reports are taken and counted. */
export const BROKEN_REPORTS: readonly BrokenStore[] = [
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
    bug: "an item changes hands under its old token",
    caughtBy: "an amended item is its new holder's, and the one before is refused",
    breakIt: (store, state) => ({
      amend: async (amendment) => {
        const holders = new Map(itemsOf(state).map((item) => [item, item.worker]));
        const amended = await store.amend(amendment);
        for (const [item, worker] of holders) if (worker !== 0 && item.worker !== worker) item.token -= 1;
        return amended;
      },
    }),
  },
  {
    bug: "an amendment starts from what was read before",
    caughtBy: "amendments that come together all count",
    breakIt: (store) => ({
      amend: async (amendment) => {
        const before = await store.item(amendment.ref);
        return store.amend({ ...amendment, change: (item) => amendment.change(before?.item ?? item) });
      },
    }),
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
    bug: "a report that comes late takes an attempt back",
    caughtBy: "how far an attempt is never goes back, whichever report comes last; the next one begins anew",
    breakIt: (store) => ({
      record: (reports, now) =>
        store.record(
          reports.map((report) => (report.type === "progress" ? { ...report, mayGoBack: true } : report)),
          now,
        ),
    }),
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
];
