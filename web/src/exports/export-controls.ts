import type { Client } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireQueue } from "../../../src/wire/queue.ts";
import type { Action } from "../parts/actions.tsx";
import { showCount } from "../words/shown.ts";

export interface ExportsNow {
  readonly running: number;
  readonly waiting: number;
  /** Batches that have not ended. */
  readonly active: readonly Pick<WireBatch, "id" | "status" | "queue">[];
  /** Empty for who may not steer queues: then batches are steered, one by one. */
  readonly queues: readonly Pick<WireQueue, "name" | "state">[];
}

export interface ExportHandles {
  readonly client: Pick<Client, "batch" | "queue">;
  readonly onChanged: () => void;
}

type Order = "pause" | "resume" | "stop";

export function isHalted({ active, queues }: Pick<ExportsNow, "active" | "queues">): boolean {
  return [...active.map(({ status }) => status), ...queues.map(({ state }) => state)].some(
    (state) => state === "paused" || state === "stopped",
  );
}

/** What can be done to all exports at once. */
export function exportActions(now: ExportsNow, { client, onChanged }: ExportHandles): readonly Action[] {
  const { running, waiting, active, queues } = now;
  const runOnAll = (order: Order, said: string) => async (): Promise<string> => {
    const used = new Set(active.map(({ queue }) => queue));
    if (queues.length > 0) {
      const isMeant = ({ name, state }: Pick<WireQueue, "name" | "state">): boolean =>
        order === "resume" ? state === "paused" || state === "stopped" : used.has(name);
      for (const { name } of queues.filter(isMeant)) await client.queue(name)[order]();
    }
    if (queues.length === 0 || order === "resume") {
      const isMeant = ({ status }: Pick<WireBatch, "status">): boolean =>
        (order === "resume") === (status === "paused");
      for (const { id } of active.filter((batch) => order === "stop" || isMeant(batch)))
        await client.batch(id)[order]();
    }
    onChanged();
    return said;
  };
  const exports = (count: number, what: string): string =>
    `${showCount(count)} ${what} ${count === 1 ? "export" : "exports"}`;
  const actions: Action[] = [];
  if (isHalted(now)) {
    actions.push({
      name: "Resume",
      isMain: true,
      effect: "What was paused goes on with its next frame; what was stopped begins again.",
      run: runOnAll("resume", "The exports go on."),
    });
  } else if (active.length > 0) {
    actions.push({
      name: "Pause",
      effect: `${exports(running, "running")} ${running === 1 ? "halts" : "halt"} at the next frame, nothing new starts.`,
      run: runOnAll("pause", "Paused: what runs halts at its next frame."),
    });
  }
  if (running > 0) {
    actions.push({
      name: "Stop",
      isDestructive: true,
      effect: `${exports(running, "running")} ${running === 1 ? "is" : "are"} aborted and will begin anew with the first frame; ${exports(waiting, "waiting")} wait on.`,
      run: runOnAll("stop", "Stopped."),
    });
  }
  return actions;
}
