import type { JSX } from "react";
import { batchView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { unitsOf } from "../batch/item-row.ts";
import { Badge } from "../parts/badge.tsx";
import { Elapsed } from "../parts/clock.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import { ownerOf, titleOf } from "../words/batch-words.ts";
import { showPercent } from "../words/shown.ts";
import type { ExportJob } from "./export-jobs.ts";
import type { ExportsStore } from "./exports-store.ts";
import { FramePicture } from "./frame-picture.tsx";

/** The exports that are being made. */
export function RunningList(props: {
  readonly store: ExportsStore;
  readonly jobs: readonly ExportJob[];
}): JSX.Element | null {
  if (props.jobs.length === 0) return null;
  return (
    <section aria-label="Running exports">
      <h2>Running</h2>
      <ul className="table export-list">
        {props.jobs.map(({ batch, item, name }) => (
          <li key={item.id} className="row running">
            <FramePicture job={{ batch, item, name }} isHalted={props.store.isHalted(batch)} />
            <JobName job={{ batch, item, name }} />
            <div className="state">
              {props.store.isHalted(batch) ? (
                <Badge state="paused" />
              ) : (
                <Badge state="processing" words={item.progress.stage ?? "starting"} />
              )}
            </div>
            <div className="progress">
              <ItemBar fraction={item.fraction} label={`Progress of ${name}`} />
              <span className="under">
                <b className="percent">{showPercent(Math.min(99, item.fraction * 100))}</b> {unitsOf(item.progress)}
              </span>
            </div>
            <div className="time">{item.startedAt !== null && <Elapsed sinceMs={Date.parse(item.startedAt)} />}</div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What an export is called, and the batch it is of. */
export function JobName(props: { readonly job: ExportJob }): JSX.Element {
  const { batch, item, name } = props.job;
  return (
    <div className="name">
      <ViewLink to={{ ...batchView(batch.id), itemId: item.id }} title={item.name} isName>
        {name}
      </ViewLink>
      <span className="under">
        {titleOf(batch)} · {ownerOf(batch)}
      </span>
    </div>
  );
}
