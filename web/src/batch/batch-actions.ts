import type { BatchClient, BatchControlled } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { Action } from "../parts/actions.tsx";
import { showCount, showItems, verbFor } from "../words/shown.ts";

export interface BatchHandles {
  readonly client: Pick<BatchClient, "pause" | "resume" | "stop" | "cancel" | "retry" | "remove">;
  /** The batch as it is after a command. */
  readonly onChanged: (batch: WireBatch) => void;
  readonly onRemoved: () => void;
}

/** What can be done to a batch as it is now, the likeliest first. */
export function batchActions(batch: WireBatch, handles: BatchHandles): readonly Action[] {
  const { client, onChanged, onRemoved } = handles;
  const { counts, status, endedAt } = batch;
  const open = counts.pending + counts.processing;
  const retriable = counts.failed + counts.cancelled;
  const give = (command: () => Promise<BatchControlled>, said: (answer: BatchControlled) => string) => async () => {
    const answer = await command();
    onChanged(answer.batch);
    return said(answer);
  };
  const actions: Action[] = [];
  if (endedAt === null && status === "paused") {
    actions.push({
      name: "Resume",
      isMain: true,
      effect: `${showItems(counts.pending, "pending")} may start again.`,
      run: give(
        () => client.resume(),
        () => "The batch goes on.",
      ),
    });
  } else if (endedAt === null) {
    actions.push({
      name: "Pause",
      effect: `${showCount(counts.processing)} running ${verbFor(counts.processing, "finishes", "finish")}, nothing new starts.`,
      run: give(
        () => client.pause(),
        (answer) => `Paused. ${haltWords(answer)}`.trim(),
      ),
    });
  }
  if (endedAt === null) {
    actions.push({
      name: "Stop",
      isDestructive: true,
      effect: `${showItems(counts.processing, "running")} ${verbFor(counts.processing, "is aborted and goes", "are aborted and go")} back to pending; nothing new starts. What was saved is kept.`,
      run: give(
        () => client.stop(),
        (answer) => `Stopped. ${haltWords(answer)}`.trim(),
      ),
    });
  }
  if (counts.failed > 0) {
    actions.push({
      name: "Retry failed",
      isMain: endedAt !== null,
      effect: `${showItems(counts.failed, "failed")} ${verbFor(counts.failed, "goes", "go")} back to pending, with all attempts again.`,
      run: give(
        () => client.retry({ failed: true }),
        ({ changed }) => `${showItems(changed)} will be tried again.`,
      ),
    });
  }
  if (counts.cancelled > 0 && endedAt !== null) {
    actions.push({
      name: "Retry all",
      effect: `${showItems(retriable, "failed or cancelled")} ${verbFor(retriable, "goes", "go")} back to pending.`,
      run: give(
        () => client.retry(),
        ({ changed }) => `${showItems(changed)} will be tried again.`,
      ),
    });
  }
  if (endedAt === null) {
    actions.push({
      name: "Cancel",
      isDestructive: true,
      effect: `${showItems(open)} that ${verbFor(open, "has", "have")} not ended ${verbFor(open, "is", "are")} ended as cancelled at once; what runs is aborted. All of it can be retried.`,
      run: give(
        () => client.cancel(),
        ({ changed }) => `${showItems(changed)} cancelled.`,
      ),
    });
  }
  actions.push({
    name: "Remove",
    isDestructive: true,
    effect: `The batch, what is known of its ${showItems(counts.total)}, and the files it made here are deleted for good. Refused while one runs.`,
    run: async () => {
      const { changed } = await client.remove();
      onRemoved();
      return `Removed, with ${showItems(changed)}.`;
    },
  });
  return actions;
}

/** Who has not acted yet on an order that stands. */
function haltWords({ outstanding, batch }: BatchControlled): string {
  if (outstanding !== undefined && outstanding.workers > 0)
    return `${showCount(outstanding.workers)} ${verbFor(outstanding.workers, "worker has", "workers have")} not confirmed it yet.`;
  const { processing } = batch.counts;
  return processing > 0
    ? `${showItems(processing)} that ${verbFor(processing, "runs", "run")} will finish.`
    : "Nothing of it runs.";
}
