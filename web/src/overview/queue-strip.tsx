import { type JSX, useState } from "react";
import type { QueueClient, QueueControlled } from "../../../src/client/client.ts";
import type { WireQueue } from "../../../src/wire/queue.ts";
import { useVersion } from "../live/observable.ts";
import { type Action, Actions } from "../parts/actions.tsx";
import { Badge } from "../parts/badge.tsx";
import { usePage } from "../session/session-context.tsx";
import { showCount, showItems, verbFor } from "../words/shown.ts";
import type { QueuesStore } from "./queues-store.ts";

/** Every queue with its state and what can be done to it. */
export function QueueStrip(props: { readonly store: QueuesStore }): JSX.Element | null {
  useVersion(props.store);
  const { queues } = props.store;
  if (queues.length === 0) return null;
  return (
    <section className="queues" aria-label="Queues">
      {queues.map((queue) => (
        <Queue key={queue.name} queue={queue} store={props.store} />
      ))}
    </section>
  );
}

function Queue(props: { readonly queue: WireQueue; readonly store: QueuesStore }): JSX.Element {
  const { session } = usePage();
  const { queue, store } = props;
  const run = async (act: (client: QueueClient) => Promise<QueueControlled>, said: string): Promise<string> => {
    const { queue: after } = await act(session.client.queue(queue.name));
    store.take(after);
    return said;
  };
  return (
    <article className="queue" aria-label={`Queue ${queue.name}`}>
      <header>
        <h2 title={queue.name} dir="auto">
          {queue.name}
        </h2>
        <Badge state={queue.state} />
      </header>
      <p className="numbers">
        <span>
          <b>{showCount(queue.processing)}</b> processing
        </span>
        <span>
          <b>{showCount(queue.pending)}</b> pending
        </span>
        <span>
          <b>{showCount(queue.batches)}</b> {queue.batches === 1 ? "batch" : "batches"}
        </span>
      </p>
      <Concurrency queue={queue} onSet={(limit) => run((client) => client.setConcurrency(limit), "")} />
      <Actions label={`Controls of queue ${queue.name}`} actions={queueActions(queue, run)} />
    </article>
  );
}

function queueActions(
  queue: WireQueue,
  run: (act: (client: QueueClient) => Promise<QueueControlled>, said: string) => Promise<string>,
): readonly Action[] {
  const { name, processing, pending } = queue;
  const isHalted = queue.state === "paused" || queue.state === "stopped";
  const resume: Action = {
    name: "Resume",
    isMain: true,
    effect: `${showItems(pending, "pending")} may start again.`,
    run: () => run((client) => client.resume(), `Queue ${name} goes on.`),
  };
  const pause: Action = {
    name: "Pause",
    effect: `${showItems(processing, "running")} ${verbFor(processing, "finishes", "finish")}, nothing new starts, whatever is added.`,
    run: () => run((client) => client.pause(), `Queue ${name} is paused.`),
  };
  const stop: Action = {
    name: "Stop",
    isDestructive: true,
    effect: `${showItems(processing, "running")} of queue ${name} ${verbFor(processing, "is aborted and goes", "are aborted and go")} back to pending; nothing new starts.`,
    run: () => run((client) => client.stop(), `Queue ${name} is stopped.`),
  };
  const clear: Action = {
    name: "Clear",
    isDestructive: true,
    effect: `Every batch of queue ${name} that has not ended is cancelled: ${showCount(queue.batches)}, with ${showItems(processing + pending)}.`,
    run: () => run((client) => client.clear(), `Queue ${name} is cleared.`),
  };
  return [
    isHalted ? resume : pause,
    ...(queue.state === "stopped" ? [] : [stop]),
    ...(queue.batches > 0 ? [clear] : []),
  ];
}

/** How many items of a queue may run at once; empty: as many as there are workers for. */
function Concurrency(props: {
  readonly queue: WireQueue;
  readonly onSet: (limit: number | null) => Promise<string>;
}): JSX.Element {
  const { concurrency, name } = props.queue;
  const [typed, setTyped] = useState<string | null>(null);
  const [isRefused, setRefused] = useState(false);
  const set = async (): Promise<void> => {
    const text = typed?.trim();
    setTyped(null);
    if (text === undefined) return;
    const limit = text === "" ? null : Number(text);
    if (limit === concurrency) return;
    try {
      await props.onSet(limit);
      setRefused(false);
    } catch {
      setRefused(true);
    }
  };
  return (
    <label className="concurrency">
      At once
      <input
        inputMode="numeric"
        aria-label={`Items of queue ${name} at once; empty: no limit`}
        aria-invalid={isRefused}
        title={isRefused ? "It must be a whole number from 1, or empty" : "Items at once; empty: no limit"}
        placeholder="no limit"
        value={typed ?? (concurrency === null ? "" : String(concurrency))}
        onChange={({ target }) => setTyped(target.value)}
        onBlur={() => void set()}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
          if (event.key === "Escape") setTyped(null);
        }}
      />
    </label>
  );
}
