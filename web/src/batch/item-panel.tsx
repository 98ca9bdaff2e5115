import { type JSX, useEffect, useState } from "react";
import type { OfOwner } from "../../../src/client/client.ts";
import { isUuid } from "../../../src/core/ids.ts";
import type { WireItemDetail } from "../../../src/wire/item.ts";
import { PageViewer } from "../documents/page-viewer.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { Actions } from "../parts/actions.tsx";
import { Badge } from "../parts/badge.tsx";
import { Age, Elapsed } from "../parts/clock.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notice.tsx";
import { PriorityField } from "../parts/priority-field.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import type { Session } from "../session/session.ts";
import { usePage } from "../session/session-context.tsx";
import { showBytes, showCount, showDuration, showTime } from "../words/shown.ts";
import type { BatchStore } from "./batch-store.ts";
import { itemActions } from "./item-actions.ts";
import { ItemOutput } from "./item-output.tsx";
import { lastPartOf, unitsOf } from "./item-row.ts";
import { ItemStore } from "./item-store.ts";

/** One item beside the table: where it is, what became of each try, what it made, and what can be done. */
export function ItemPanel(props: {
  readonly store: BatchStore;
  readonly batchId: string;
  readonly itemId: string;
  readonly onClose: () => void;
}): JSX.Element {
  const { session } = usePage();
  const { store, batchId, itemId, onClose } = props;
  const reader = useStarted(
    () => new ItemStore({ client: session.client.batch(batchId).item(itemId), id: itemId, schedule: pacedFrames() }),
    [session, batchId, itemId],
  );
  useEffect(() => (reader === null ? undefined : store.feed(reader)), [store, reader]);
  return (
    <Dialog title="Item" className="drawer" onClose={onClose}>
      {reader !== null && <Detail reader={reader} batchId={batchId} library={libraryOf(store, session)} />}
    </Dialog>
  );
}

/** Whose index the items of a batch are in; null: they are no documents. Only the operator may name an owner. */
function libraryOf({ batch }: BatchStore, { isOperator }: Session): OfOwner | null {
  if (batch?.pipeline !== "documents") return null;
  return isOperator ? { owner: batch.owner } : {};
}

function Detail(props: {
  readonly reader: ItemStore;
  readonly batchId: string;
  readonly library: OfOwner | null;
}): JSX.Element {
  const { session } = usePage();
  const { reader, batchId, library } = props;
  useVersion(reader);
  const { item } = reader;
  if (reader.isGone) return <p>There is no such item any more.</p>;
  if (item === null)
    return reader.problem === null ? <div className="loading" /> : <Problem problem={reader.problem} />;
  const client = session.client.batch(batchId).item(item.id);
  const reread = (): void => void reader.read();
  return (
    <div className="item">
      <h3 className="item-name" dir="auto">
        {lastPartOf(item.name)}
      </h3>
      {item.key !== lastPartOf(item.name) && !isUuid(item.key) && <p className="note item-name">{item.key}</p>}
      {reader.problem !== null && <Problem problem={reader.problem} />}
      <Standing item={item} />
      <Actions
        label="Controls of the item"
        actions={itemActions(item, { client, onChanged: reread, onRemoved: () => reader.gone() })}
      />
      {item.state === "pending" && (
        <PriorityField
          value={item.priority}
          label="Priority of the item"
          onSet={async (priority) => {
            await client.setPriority(priority);
            reread();
          }}
        />
      )}
      {item.state === "completed" && isUuid(item.key) && (
        <ItemOutput batchId={batchId} itemId={item.id} name={lastPartOf(item.name)} />
      )}
      <Pages item={item} library={library} />
      <Facts item={item} />
      <Attempts runs={item.runs} />
      <Content title="Input" value={item.input} />
      <Content title="Output" value={item.output} />
    </div>
  );
}

/** The pages of a PDF that was stored: its key is its id in the library. */
function Pages(props: { readonly item: WireItemDetail; readonly library: OfOwner | null }): JSX.Element | null {
  const { state, output, key } = props.item;
  const [number, setNumber] = useState(1);
  if (props.library === null || state !== "completed") return null;
  if (typeof output !== "object" || output === null || !("totalPages" in output)) return null;
  const { totalPages } = output;
  if (typeof totalPages !== "number") return null;
  return <PageViewer docId={key} of={props.library} count={totalPages} number={number} onNumber={setNumber} />;
}

function Standing(props: { readonly item: WireItemDetail }): JSX.Element {
  const { state, isHeld, progress, fraction, error, name } = props.item;
  const words = [progress.stage, unitsOf(progress)].filter((text) => text !== null && text !== "").join(" · ");
  return (
    <div className="standing">
      <p>
        <Badge state={state} words={isHeld ? "held" : state} /> {state === "processing" && words}
      </p>
      {state === "processing" && <ItemBar fraction={fraction} label={`Progress of ${name}`} />}
      {error !== null && (
        <p className="error-text">
          {error.message} {error.code !== null && <code>{error.code}</code>}
        </p>
      )}
    </div>
  );
}

function Facts(props: { readonly item: WireItemDetail }): JSX.Element {
  const { attempts, crashes, startedAt, endedAt, readyAt, size, kind } = props.item;
  const facts: readonly (readonly [string, JSX.Element | string])[] = [
    ...(startedAt === null ? [] : [["Started", <Age key="" time={startedAt} />] as const]),
    ...(endedAt === null ? [] : [["Ended", <Age key="" time={endedAt} />] as const]),
    ...(readyAt === null ? [] : [["Next attempt", <Age key="" time={readyAt} />] as const]),
    ["Attempts", showCount(attempts)],
    ...(crashes === 0 ? [] : [["Workers that died on it", showCount(crashes)] as const]),
    ...(size === null ? [] : [["Size", showBytes(size)] as const]),
    ...(kind === null ? [] : [["Kind", kind] as const]),
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Attempts(props: { readonly runs: WireItemDetail["runs"] }): JSX.Element | null {
  if (props.runs.length === 0) return null;
  return (
    <section>
      <h4>Attempts, the latest first</h4>
      <ol className="attempts" reversed>
        {props.runs.toReversed().map((run) => (
          <li key={run.token}>
            <p>
              <Badge state={run.outcome ?? "processing"} words={run.outcome ?? "running"} />{" "}
              <time dateTime={run.startedAt}>{showTime(run.startedAt)}</time> ·{" "}
              {run.endedAt === null ? (
                <Elapsed sinceMs={Date.parse(run.startedAt)} />
              ) : (
                showDuration((Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1_000)
              )}
            </p>
            {run.error !== null && <p className="error-text">{run.error.message}</p>}
            {run.worker !== null && <p className="note">{run.worker}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Content(props: { readonly title: string; readonly value: unknown }): JSX.Element | null {
  if (props.value === null) return null;
  return (
    <details>
      <summary>{props.title}</summary>
      <pre>{JSON.stringify(props.value, null, 2)}</pre>
    </details>
  );
}
