import { type JSX, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Client } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { NEW, OVERVIEW, type OverviewView, SHOWS, type Show, SORTS, type Sort } from "../address/address.ts";
import { go, ViewLink } from "../address/navigation.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { type Startable, useStarted } from "../live/use-started.ts";
import { Group } from "../parts/grid.tsx";
import { Empty, Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { titleOf } from "../words/batch-words.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { showCount } from "../words/shown.ts";
import { BatchTable } from "./batch-table.tsx";
import { type OverviewOptions, OverviewStore } from "./overview-store.ts";
import { QueueStrip } from "./queue-strip.tsx";
import { QueuesStore } from "./queues-store.ts";
import { selectBatches } from "./select-batches.ts";
import { type NewPlace, nextPlace } from "./turns.ts";

/** The stores of the overview, which work together: queues are read again when batches have changed. */
class LiveOverview implements Startable {
  readonly store: OverviewStore;
  /** Null for who may not see them. */
  readonly queues: QueuesStore | null;

  constructor(options: Pick<OverviewOptions, "client" | "isOperator" | "onConnection"> & { readonly client: Client }) {
    const { client, isOperator } = options;
    const queues = isOperator ? new QueuesStore({ client, schedule: pacedFrames() }) : null;
    const onNews = (): void => queues?.hint();
    this.queues = queues;
    this.store = new OverviewStore({
      ...options,
      setPriority: async (id, priority) => (await client.batch(id).setPriority(priority)).batch,
      schedule: pacedFrames(),
      now: () => performance.now(),
      onNews,
    });
  }

  start(): void {
    this.store.start();
    this.queues?.start();
  }

  stop(): void {
    this.store.stop();
    this.queues?.stop();
  }
}

/** Everything that runs, and what became of what ran. */
export function OverviewPage(props: { readonly view: OverviewView }): JSX.Element {
  const { session, connection } = usePage();
  const { client, isOperator } = session;
  const live = useStarted(
    () => new LiveOverview({ client, isOperator, onConnection: connection.set }),
    [client, isOperator, connection],
  );
  const store = live?.store ?? null;
  useEffect(() => {
    document.title = "Milepost";
  }, []);
  useEffect(() => {
    const onVisible = (): void => {
      if (document.visibilityState === "visible") store?.start();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => document.removeEventListener("visibilitychange", onVisible);
  }, [store]);
  return (
    <>
      <h1 className="hidden">Overview</h1>
      {live?.queues != null && <QueueStrip store={live.queues} />}
      {store !== null && <Batches view={props.view} store={store} />}
    </>
  );
}

function Batches(props: { readonly view: OverviewView; readonly store: OverviewStore }): JSX.Element {
  const { view, store } = props;
  const version = useVersion(store);
  const before = useRef<readonly WireBatch[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what is in the store
  const batches = useMemo(() => selectBatches(store.batches, view, before.current), [store, view, version]);
  before.current = batches;
  const isWholeNeeded =
    !["active", "age"].includes(view.sort) || view.isReversed || view.search !== "" || view.show !== "all";
  useEffect(() => {
    if (isWholeNeeded) void store.loadAll();
  }, [store, isWholeNeeded]);
  const onNearEnd = useCallback(() => void store.loadMore(), [store]);
  const rateOf = useCallback((id: string) => store.rateOf(id), [store]);
  const { move, problem, dismiss } = useMoves(store, view);
  return (
    <section aria-label="Batches">
      {(!store.isLoaded || store.batches.size > 0) && <Toolbar view={view} store={store} shown={batches.length} />}
      {store.problem !== null && <Problem problem={store.problem} />}
      {problem !== null && <Problem problem={problem} onClose={dismiss} />}
      {batches.length > 0 ? (
        <BatchTable
          batches={batches}
          rateOf={rateOf}
          onNearEnd={onNearEnd}
          isMovable={view.sort === "active" && !view.isReversed}
          onMove={move}
        />
      ) : (
        store.isLoaded && !store.isLoading && <Nothing view={view} isEmpty={store.batches.size === 0} />
      )}
      {store.isFull && (
        <p className="note">
          Shown are {showCount(store.batches.size)} of {showCount(store.total)}: the newest, and what runs. Others are
          told by <code>milepost list</code> and by <code>GET /api/batches</code>.
        </p>
      )}
    </section>
  );
}

/** Brings batches to other places, one after the other, and says what came of it. */
function useMoves(
  store: OverviewStore,
  view: OverviewView,
): {
  readonly move: (moved: WireBatch, to: NewPlace) => void;
  readonly problem: ShownProblem | null;
  readonly dismiss: () => void;
} {
  const { announcer } = usePage();
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const before = useRef<Promise<void>>(Promise.resolve());
  const move = useCallback(
    (moved: WireBatch, to: NewPlace): void => {
      const act = async (): Promise<void> => {
        // Only now: where it stands is what the move before has made of it.
        const isWay = to === "up" || to === "down";
        const target = isWay ? nextPlace(selectBatches(store.batches, view), moved.id, to) : to;
        if (target === undefined) return;
        const { place, of } = await store.bringTo(moved, target);
        announcer.say(`${titleOf(moved)} is now ${showCount(place)} of ${showCount(of)} in queue ${moved.queue}.`);
      };
      before.current = before.current.then(act).then(
        () => setProblem(null),
        (error: unknown) => setProblem(showProblem(error)),
      );
    },
    [store, view, announcer],
  );
  return { move, problem, dismiss: useCallback(() => setProblem(null), []) };
}

const SHOW_WORDS: Readonly<Record<Show, string>> = {
  all: "All",
  active: "Active",
  failed: "With failures",
  ended: "Ended",
};
const SORT_WORDS: Readonly<Record<Sort, string>> = {
  active: "Active first",
  age: "Newest first",
  name: "Name",
  progress: "Progress",
  left: "Time left",
  failed: "Failures",
};

interface ToolbarProps {
  readonly view: OverviewView;
  readonly store: OverviewStore;
  readonly shown: number;
}

function Toolbar(props: ToolbarProps): JSX.Element {
  const { view, store } = props;
  const change = (part: Partial<OverviewView>): void => go({ ...view, ...part }, { replace: true });
  const names = new Set(Array.from(store.batches.values(), ({ queue }) => queue));
  if (view.queue !== null) names.add(view.queue);
  return (
    <search className="toolbar batches-toolbar">
      <input
        type="search"
        aria-label="Search batches"
        placeholder="Search by name, pipeline, owner"
        value={view.search}
        onChange={({ target }) => change({ search: target.value })}
      />
      <Group className="choices" label="Show">
        {SHOWS.map((show) => (
          <button key={show} type="button" aria-pressed={view.show === show} onClick={() => change({ show })}>
            {SHOW_WORDS[show]}
          </button>
        ))}
      </Group>
      {names.size > 1 && (
        <select
          aria-label="Queue"
          value={view.queue ?? ""}
          onChange={({ target }) => change({ queue: target.value || null })}
        >
          <option value="">All queues</option>
          {[...names].sort().map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
      <select
        aria-label="Sort by"
        value={view.sort}
        onChange={({ target }) => change({ sort: SORTS.find((sort) => sort === target.value) ?? OVERVIEW.sort })}
      >
        {SORTS.map((sort) => (
          <option key={sort} value={sort}>
            {SORT_WORDS[sort]}
          </option>
        ))}
      </select>
      <button type="button" aria-pressed={view.isReversed} onClick={() => change({ isReversed: !view.isReversed })}>
        Reversed
      </button>
      {/* Told to who searches; what comes by itself is not worth an interruption. */}
      <output className="shown-count" aria-live={view.search === "" ? "off" : "polite"}>
        {shownWords(props)}
      </output>
    </search>
  );
}

/** Of all batches their number, whether they were read or not; of a choice, what was found among those that were. */
function shownWords({ view, store, shown }: ToolbarProps): string {
  const isChoice = view.search !== "" || view.show !== "all" || view.queue !== null;
  const count = isChoice ? shown : store.total;
  const more = isChoice && store.hasMore ? "+" : "";
  return `${showCount(count)}${more} ${count === 1 && more === "" ? "batch" : "batches"}`;
}

function Nothing(props: { readonly view: OverviewView; readonly isEmpty: boolean }): JSX.Element {
  const { session } = usePage();
  if (!props.isEmpty) {
    return (
      <Empty title="No batch matches">
        <p>
          <ViewLink to={{ ...OVERVIEW }}>Show all batches</ViewLink>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing has been sent in yet">
      {session.isOperator ? (
        <p>
          Batches appear here as soon as there are any: of files that are sent in, of programs that use the{" "}
          <a href="/api">API</a>, or of <code>milepost run images photos/*.jpg</code> on this store.
        </p>
      ) : (
        <p>
          Send images, documents or a karaoke project in, and see here what becomes of them. If you run this server,
          sign in with its token to see everything; programs send work in by the <a href="/api">API</a>.
        </p>
      )}
      <p>
        <ViewLink to={NEW} className="button main">
          Send files in
        </ViewLink>
      </p>
    </Empty>
  );
}
