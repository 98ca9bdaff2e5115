import { type JSX, useEffect, useMemo, useState } from "react";
import { ITEM_STATES, type ItemState } from "../../../src/core/transitions.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { type BatchPageView, batchView } from "../address/address.ts";
import { go, ViewLink } from "../address/navigation.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { Group } from "../parts/grid.tsx";
import { Empty, Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { showCount } from "../words/shown.ts";
import type { BatchStore } from "./batch-store.ts";
import { FOUND_MAX, FoundList } from "./found-list.ts";
import type { ItemList, ReadItems } from "./item-list.ts";
import { isFiltered } from "./item-row.ts";
import { ItemsTable } from "./items-table.tsx";
import { WholeList } from "./whole-list.ts";

/** A search is asked for when typing rests. */
const TYPING_MS = 250;

/** The items of a batch with what chooses among them. */
export function ItemsPanel(props: {
  readonly store: BatchStore;
  readonly batch: WireBatch;
  readonly view: BatchPageView;
}): JSX.Element {
  const { store, batch, view } = props;
  const { session } = usePage();
  const { state, stage, error, search } = view;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another total is told by the list itself
  const list = useMemo(() => {
    const client = session.client.batch(batch.id);
    const filter = { state, stage, error, search };
    const chosen = {
      ...(state !== null && { state }),
      ...(stage !== null && { stage }),
      ...(error !== null && { error }),
      ...(search !== "" && { search }),
    };
    const read: ReadItems = (place) => client.items({ ...chosen, ...place });
    const options = { read, schedule: pacedFrames() };
    return isFiltered(filter)
      ? new FoundList({ ...options, filter })
      : new WholeList({ ...options, total: batch.counts.total });
  }, [session, batch.id, state, stage, error, search]);
  useEffect(() => store.feed(list), [store, list]);
  return (
    <section className="items-panel" aria-label="Items">
      <ItemsToolbar batch={batch} view={view} />
      <Items key={addressKey(view)} list={list} view={view} batch={batch} />
    </section>
  );
}

/** Another list begins at its top. */
function addressKey({ state, stage, error, search }: BatchPageView): string {
  return JSON.stringify([state, stage, error, search]);
}

function Items(props: {
  readonly list: ItemList;
  readonly view: BatchPageView;
  readonly batch: WireBatch;
}): JSX.Element {
  const { list, view, batch } = props;
  useVersion(list);
  const isEmpty = list.count === 0 && !list.hasMore && !list.isReading;
  const isFull = list instanceof FoundList && list.isFull;
  return (
    <>
      {list.problem !== null && (
        <div className="with-action">
          <Problem problem={list.problem} />
          <button type="button" onClick={() => list.need(0, list.count)}>
            Try again
          </button>
        </div>
      )}
      {isEmpty ? (
        <Empty title={batch.counts.total === 0 ? "The batch has no items" : "No item matches"}>
          {batch.counts.total > 0 && (
            <p>
              <ViewLink to={batchView(batch.id)}>Show all {showCount(batch.counts.total)} items</ViewLink>
            </p>
          )}
        </Empty>
      ) : (
        <ItemsTable list={list} view={view} />
      )}
      <p className="note" aria-live={view.search === "" ? "off" : "polite"}>
        {countWords(list, view)}
        {isFull && ` These are the first ${showCount(FOUND_MAX)}: search by name to see others.`}
      </p>
    </>
  );
}

function countWords(list: ItemList, view: BatchPageView): string {
  if (!isFiltered(view)) return "";
  if (list.count === 0 && list.hasMore) return "Looking …";
  return `${showCount(list.count)}${list.hasMore ? " or more" : ""} found.`;
}

function ItemsToolbar(props: { readonly batch: WireBatch; readonly view: BatchPageView }): JSX.Element {
  const { batch, view } = props;
  const choose = (state: ItemState | null): void => go({ ...view, state, stage: null, error: null }, { replace: true });
  const { counts } = batch;
  return (
    <search className="toolbar">
      <SearchField view={view} />
      <Group className="choices states" label="State">
        <button
          type="button"
          aria-pressed={view.state === null && view.stage === null && view.error === null}
          onClick={() => choose(null)}
        >
          All <b>{showCount(counts.total)}</b>
        </button>
        {ITEM_STATES.map((state) => (
          <button key={state} type="button" aria-pressed={view.state === state} onClick={() => choose(state)}>
            <i className={`dot ${state}`} aria-hidden="true" />
            {state} <b>{showCount(counts[state])}</b>
          </button>
        ))}
      </Group>
      {view.stage !== null && <Chosen label={`Stage: ${view.stage}`} onClear={() => choose(null)} />}
      {view.error !== null && <Chosen label={`Failed with: ${view.error}`} onClear={() => choose(null)} />}
    </search>
  );
}

function Chosen(props: { readonly label: string; readonly onClear: () => void }): JSX.Element {
  return (
    <button type="button" className="chosen" title={`${props.label}. Show all`} onClick={props.onClear}>
      <span>{props.label}</span> ×
    </button>
  );
}

function SearchField(props: { readonly view: BatchPageView }): JSX.Element {
  const { view } = props;
  const [typed, setTyped] = useState(view.search);
  const [known, setKnown] = useState(view.search);
  if (known !== view.search) {
    setKnown(view.search);
    setTyped(view.search);
  }
  useEffect(() => {
    if (typed === view.search) return undefined;
    const timer = setTimeout(() => go({ ...view, search: typed }, { replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, view]);
  return (
    <input
      type="search"
      aria-label="Search items by name"
      placeholder="Search by name"
      value={typed}
      onChange={({ target }) => setTyped(target.value)}
    />
  );
}
