import { type JSX, lazy, Suspense, useEffect } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { type BatchPageView, OVERVIEW } from "../address/address.ts";
import { go, ViewLink } from "../address/navigation.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { Actions } from "../parts/actions.tsx";
import { Badge } from "../parts/badge.tsx";
import { Boundary } from "../parts/boundary.tsx";
import { useNow } from "../parts/clock.tsx";
import { Empty, Problem } from "../parts/notice.tsx";
import { PriorityField } from "../parts/priority-field.tsx";
import { SegmentBar } from "../parts/segment-bar.tsx";
import { usePage } from "../session/session-context.tsx";
import { countsWords, doneWords, statusWords, timeWords, titleOf } from "../words/batch-words.ts";
import { showPercent, showRate } from "../words/shown.ts";
import { AboutPanel } from "./about-panel.tsx";
import { batchActions } from "./batch-actions.ts";
import { BatchStore } from "./batch-store.ts";
import { FailuresPanel } from "./failures-panel.tsx";
import { ItemPanel } from "./item-panel.tsx";
import { ItemsPanel } from "./items-panel.tsx";
import { StageFunnel } from "./stage-funnel.tsx";

// Drawing is the largest part of the page, and what can best be done without.
const ChartsPanel = lazy(async () => ({ default: (await import("./charts-panel.tsx")).ChartsPanel }));

/** One batch: how far it is, what its items do, what failed and why, and what can be done. */
export function BatchPage(props: { readonly view: BatchPageView }): JSX.Element {
  const { view } = props;
  const { session, connection } = usePage();
  const store = useStarted(
    () =>
      new BatchStore({
        client: session.client.batch(view.batchId),
        schedule: pacedFrames(),
        now: () => Date.now(),
        onConnection: connection.set,
      }),
    [session, view.batchId, connection],
  );
  useEffect(() => {
    const onVisible = (): void => {
      if (document.visibilityState === "visible") store?.wake();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => document.removeEventListener("visibilitychange", onVisible);
  }, [store]);
  return store === null ? <div className="loading" /> : <Followed store={store} view={view} />;
}

function Followed(props: { readonly store: BatchStore; readonly view: BatchPageView }): JSX.Element {
  const { store, view } = props;
  const { announcer } = usePage();
  useVersion(store);
  const { batch } = store;
  useTitle(batch);
  const status = batch === null || store.isGone ? null : `${titleOf(batch)} is ${statusWords(batch)}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: told when its status changes, not with each item
  useEffect(() => {
    if (status !== null && batch !== null) announcer.say(`${status}: ${countsWords(batch)}`);
  }, [status, announcer]);
  if (store.isGone) return <Gone />;
  if (batch === null) return store.problem === null ? <div className="loading" /> : <Problem problem={store.problem} />;
  const take = (after: WireBatch): void => store.take(after);
  return (
    <>
      <BatchHead batch={batch} store={store} />
      <div className="columns">
        <div className="side failures-side">
          <FailuresPanel batch={batch} failures={store.failures} view={view} onChanged={take} />
        </div>
        <ItemsPanel store={store} batch={batch} view={view} />
        <div className="side">
          <StageFunnel batch={batch} stages={store.stages} view={view} />
          <Boundary instead={null}>
            <Suspense>
              <ChartsPanel samples={store.samples.all} count={store.samples.all.length} />
            </Suspense>
          </Boundary>
          <AboutPanel batch={batch} />
        </div>
      </div>
      {view.itemId !== null && (
        <ItemPanel
          store={store}
          batchId={batch.id}
          itemId={view.itemId}
          onClose={() => go({ ...view, itemId: null }, { replace: true })}
        />
      )}
    </>
  );
}

function useTitle(batch: WireBatch | null): void {
  const title = batch === null ? "Milepost" : `${showPercent(batch.percent)} ${titleOf(batch)} · Milepost`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function Gone(): JSX.Element {
  const { session } = usePage();
  return (
    <Empty title="There is no such batch" isWholePage>
      <p>
        It was removed, or its time to be kept is over{session.isOperator ? "" : ", or it is somebody else's"}.{" "}
        <ViewLink to={OVERVIEW}>All batches</ViewLink>
      </p>
    </Empty>
  );
}

function BatchHead(props: { readonly batch: WireBatch; readonly store: BatchStore }): JSX.Element {
  const { batch, store } = props;
  const { session } = usePage();
  const client = session.client.batch(batch.id);
  return (
    <div className="batch-head">
      <div className="batch-title">
        <p className="crumbs">
          <ViewLink to={OVERVIEW}>All batches</ViewLink>
        </p>
        <h1 title={titleOf(batch)} dir="auto">
          {titleOf(batch)}
        </h1>
        <Badge state={batch.status} words={statusWords(batch)} />
      </div>
      <Standing batch={batch} perSecond={store.perSecond} />
      <div className="batch-controls">
        <Actions
          label="Controls of the batch"
          actions={batchActions(batch, {
            client,
            onChanged: (after) => store.take(after),
            onRemoved: () => store.drop(),
          })}
        />
        {batch.endedAt === null && (
          <PriorityField
            value={batch.priority}
            label="Priority of the batch"
            onSet={async (priority) => store.take((await client.setPriority(priority)).batch)}
          />
        )}
      </div>
      {store.problem !== null && <Problem problem={store.problem} />}
    </div>
  );
}

function Standing(props: { readonly batch: WireBatch; readonly perSecond: number | null }): JSX.Element {
  const { batch, perSecond } = props;
  const isRunning = batch.endedAt === null && batch.status !== "paused";
  return (
    <section className="standing-band" aria-label="Progress">
      <p className="figures">
        <b className="percent">{showPercent(batch.percent)}</b>
        <span className="time-left">{timeWords(batch, useNow())}</span>
        <span className="done">
          {doneWords(batch)}
          {isRunning && perSecond !== null && perSecond > 0 && ` · ${showRate(perSecond)}`}
        </span>
      </p>
      <SegmentBar batch={batch} className="large" />
    </section>
  );
}
