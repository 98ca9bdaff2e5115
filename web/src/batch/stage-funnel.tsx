import type { JSX } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireStages } from "../../../src/wire/breakdown.ts";
import { type BatchPageView, batchView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { showCount } from "../words/shown.ts";

/** Where the items of a batch are now, from waiting through its stages to their end. */
export function StageFunnel(props: {
  readonly batch: WireBatch;
  readonly stages: WireStages["stages"];
  readonly view: BatchPageView;
}): JSX.Element | null {
  const { batch, stages, view } = props;
  if (stages.length === 0) return null;
  const most = Math.max(1, ...stages.map(({ items }) => items));
  return (
    <section className="panel" aria-labelledby="stages-title">
      <h2 id="stages-title">Stages</h2>
      <ul className="funnel">
        {stages.map(({ stage, items }) => (
          <li key={stage}>
            <ViewLink to={{ ...batchView(batch.id), stage }} isCurrent={view.stage === stage}>
              <span className="stage-name">{stage}</span>
              <b>{showCount(items)}</b>
              <span className="share" aria-hidden="true">
                <i style={{ width: `${(100 * items) / most}%` }} />
              </span>
            </ViewLink>
          </li>
        ))}
      </ul>
    </section>
  );
}
