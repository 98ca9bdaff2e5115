import { type JSX, useEffect } from "react";
import { type ExportsView, NEW } from "../address/address.ts";
import { go, ViewLink } from "../address/navigation.tsx";
import { ItemOutput } from "../batch/item-output.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { Actions } from "../parts/actions.tsx";
import { Badge } from "../parts/badge.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Empty, Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { showCount } from "../words/shown.ts";
import { EndedList } from "./ended-list.tsx";
import { exportActions, isHalted } from "./export-controls.ts";
import type { ExportJob } from "./export-jobs.ts";
import { ExportsStore } from "./exports-store.ts";
import { RunningList } from "./running-list.tsx";
import { WaitingList } from "./waiting-list.tsx";

/** The queue of exports: what is being made, what waits in which order, and the videos that are finished. */
export function ExportsPage(props: { readonly view: ExportsView }): JSX.Element {
  const { session, connection } = usePage();
  const { client, isOperator } = session;
  const store = useStarted(
    () => new ExportsStore({ client, isOperator, schedule: pacedFrames(), onConnection: connection.set }),
    [client, isOperator, connection],
  );
  useEffect(() => {
    document.title = "Exports · Milepost";
  }, []);
  return (
    <div className="exports">
      <h1 className="hidden">Exports</h1>
      {store !== null && <Exports view={props.view} store={store} />}
    </div>
  );
}

function Exports(props: { readonly view: ExportsView; readonly store: ExportsStore }): JSX.Element {
  const { view, store } = props;
  const { session } = usePage();
  useVersion(store);
  const { running, waiting, ended } = store.jobs;
  const now = { running: running.length, waiting: waiting.length, active: store.active, queues: store.queues };
  const actions = exportActions(now, { client: session.client, onChanged: () => void store.reread() });
  const isEmpty = running.length + waiting.length + ended.length === 0;
  const shown = ended.find(({ item, batch }) => item.id === view.itemId && batch.id === view.batchId);
  if (isEmpty) return store.problem !== null ? <Problem problem={store.problem} /> : <Nothing store={store} />;
  return (
    <>
      <div className="exports-head">
        <p className="numbers">
          <span>
            <b>{showCount(running.length)}</b> running
          </span>
          <span>
            <b>{showCount(waiting.length)}</b> waiting
          </span>
          <span>
            <b>{showCount(ended.length)}</b> ended
          </span>
          {isHalted(now) && <Badge state="paused" words="paused" />}
        </p>
        {actions.length > 0 && <Actions label="Controls of the exports" actions={actions} />}
      </div>
      {store.problem !== null && <Problem problem={store.problem} />}
      <RunningList store={store} jobs={running} />
      <WaitingList store={store} jobs={waiting} />
      <EndedList jobs={ended} onChanged={() => void store.reread()} />
      {shown !== undefined && <Player job={shown} onClose={() => go({ ...view, batchId: null, itemId: null })} />}
    </>
  );
}

function Player(props: { readonly job: ExportJob; readonly onClose: () => void }): JSX.Element {
  const { batch, item, name } = props.job;
  return (
    <Dialog title={name} className="player" onClose={props.onClose}>
      <ItemOutput batchId={batch.id} itemId={item.id} name={name} />
    </Dialog>
  );
}

function Nothing(props: { readonly store: ExportsStore }): JSX.Element | null {
  if (!props.store.isLoaded) return null;
  return (
    <Empty title="There are no exports yet">
      <p>
        Send a karaoke project with its lyrics and audio as{" "}
        <ViewLink to={{ ...NEW, pipeline: "karaoke" }}>new work</ViewLink>, or run <code>milepost run karaoke</code> on
        this store.
      </p>
    </Empty>
  );
}
