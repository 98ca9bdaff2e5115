import { type JSX, useState } from "react";
import { EXPORTS } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Badge } from "../parts/badge.tsx";
import { Age } from "../parts/clock.tsx";
import { Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { showCount, showDuration } from "../words/shown.ts";
import type { ExportJob } from "./export-jobs.ts";
import { JobName } from "./running-list.tsx";

const SHOWN_MAX = 100;

/** The exports that have ended: videos to play, and failures to try again. */
export function EndedList(props: {
  readonly jobs: readonly ExportJob[];
  readonly onChanged: () => void;
}): JSX.Element | null {
  const { jobs, onChanged } = props;
  if (jobs.length === 0) return null;
  return (
    <section aria-label="Ended exports">
      <h2>Ended, the latest first</h2>
      <ul className="table export-list">
        {jobs.slice(0, SHOWN_MAX).map((job) => (
          <li key={job.item.id} className="row ended">
            <JobName job={job} />
            <div className="state">
              <Badge state={job.item.state} />
            </div>
            <Outcome job={job} onChanged={onChanged} />
          </li>
        ))}
      </ul>
      {jobs.length > SHOWN_MAX && (
        <p className="note">and {showCount(jobs.length - SHOWN_MAX)} more, on the pages of their batches</p>
      )}
    </section>
  );
}

function Outcome(props: { readonly job: ExportJob; readonly onChanged: () => void }): JSX.Element {
  const { session } = usePage();
  const { batch, item, name } = props.job;
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const retry = async (): Promise<void> => {
    try {
      await session.client.batch(batch.id).item(item.id).retry();
      props.onChanged();
    } catch (error) {
      setProblem(showProblem(error));
    }
  };
  const { startedAt, endedAt, error, state } = item;
  const seconds = startedAt === null || endedAt === null ? null : (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000;
  return (
    <>
      <div className="result">
        {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
        {error !== null && (
          <span className="error-text" title={error.message}>
            {error.message}
          </span>
        )}
        {error === null && state === "completed" && seconds !== null && `took ${showDuration(seconds)}`}
      </div>
      <div className="time">{endedAt !== null && <Age time={endedAt} />}</div>
      <div className="moves">
        {state === "completed" ? (
          <ViewLink to={{ ...EXPORTS, batchId: batch.id, itemId: item.id }} className="button">
            Play<span className="hidden"> {name}</span>
          </ViewLink>
        ) : (
          <button type="button" onClick={() => void retry()}>
            Retry<span className="hidden"> {name}</span>
          </button>
        )}
      </div>
    </>
  );
}
