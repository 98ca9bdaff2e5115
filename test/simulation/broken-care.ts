import { splitItemNumber } from "../../src/core/ids.ts";
import type { ControlCommand } from "../../src/ports/store.ts";
import type { MemoryBatch, MemoryItem, MemoryState } from "../../src/stores/memory/memory-state.ts";
import type { BrokenEngine } from "./broken-engine.ts";
import type { BreakIt } from "./history.ts";

/** The batch that a clear is for; undefined for other commands. */
function clearedBy({ type, target }: ControlCommand, state: MemoryState): MemoryBatch | undefined {
  if (type !== "clear" || "queue" in target || "worker" in target) return undefined;
  return state.batches.get("batch" in target ? target.batch : splitItemNumber(target.item).batch);
}

/** Clears under which some items pass for what they are not. */
function clearing(as: "pending" | "processing", isMistaken: (item: MemoryItem) => boolean): BreakIt {
  return (store, state) => ({
    control: async (command, now) => {
      const items = clearedBy(command, state)?.items ?? [];
      const mistaken = items.flatMap((item) =>
        item !== undefined && isMistaken(item) ? [[item, item.state] as const] : [],
      );
      for (const [item] of mistaken) item.state = as;
      const result = await store.control(command, now);
      for (const [item, was] of mistaken) item.state = was;
      return result;
    },
  });
}

/** Bugs in how workers are drained and how what waits is cleared. */
export const BROKEN_CARE: readonly BrokenEngine[] = [
  {
    bug: "a worker that drains is given more",
    breaks: ["a session that drains claims nothing"],
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
    bug: "a worker is not told that it drains",
    breaks: ["after the last fault everything ends"],
    breakIt: (store) => ({
      orders: async (worker, confirmed) => ({ ...(await store.orders(worker, confirmed)), isDraining: false }),
    }),
  },
  {
    bug: "a drain stops what runs",
    breaks: ["what runs is stopped only at an order"],
    breakIt: (store) => ({
      orders: async (worker, confirmed) => {
        const orders = await store.orders(worker, confirmed);
        if (!orders.isDraining) return orders;
        return { ...orders, held: orders.held.map((held) => ({ ...held, control: "stop" as const })) };
      },
    }),
  },
  {
    bug: "a drain takes away what has not started",
    breaks: ["a drain changes its session alone, and takes nothing from it"],
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const result = await store.control(command, now);
        if (command.type !== "drain") return result;
        const { worker } = command.target;
        const waiting = [...(state.workers.get(worker)?.held ?? [])].filter((item) => item.state === "pending");
        const release = ({ number: item, token }: MemoryItem) =>
          ({ type: "release", item, lease: { token, worker }, startedAt: null }) as const;
        await store.record(waiting.map(release), now);
        return result;
      },
    }),
  },
  {
    bug: "a restart forgets who drains",
    breaks: ["a restart changes nothing that was committed"],
    breakRestart: (state) => {
      for (const worker of state.workers.values()) worker.isDraining = false;
    },
  },
  {
    bug: "a clear leaves what is claimed",
    breaks: ["a clear counts what it deletes"],
    breakIt: clearing("processing", ({ state, worker }) => state === "pending" && worker !== 0),
  },
  {
    bug: "a clear deletes what runs",
    breaks: ["a clear counts what it deletes"],
    breakIt: clearing("pending", ({ state }) => state === "processing"),
  },
  {
    bug: "what a clear deletes is told to nobody",
    breaks: ["counters equal a recount"],
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const batch = clearedBy(command, state);
        const told = batch?.removals.length ?? 0;
        const result = await store.control(command, now);
        batch?.removals.splice(told);
        return result;
      },
    }),
  },
];
