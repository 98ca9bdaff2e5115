import type { JSX } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { countsWords, STATES_SHOWN } from "../words/batch-words.ts";

/** Of more items one is less than a pixel: there is no step that a motion would smooth, and each costs a layout a frame. */
const SMOOTH_MAX = 1_000;

/** A batch's items by state as a bar; a state that has any is never too thin to be seen. */
export function SegmentBar(props: { readonly batch: WireBatch; readonly className?: string }): JSX.Element {
  const { counts, percent } = props.batch;
  const ended = STATES_SHOWN.filter((state) => state !== "pending" && counts[state] > 0);
  return (
    <div
      className={`bar ${props.className ?? ""} ${counts.total <= SMOOTH_MAX ? "smooth" : ""}`}
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent ?? undefined}
      aria-valuetext={countsWords(props.batch)}
    >
      {ended.map((state) => (
        <span key={state} className={`segment ${state}`} style={{ flexGrow: counts[state] }} />
      ))}
      <span className="segment pending" style={{ flexGrow: counts.total === 0 ? 1 : counts.pending }} />
    </div>
  );
}

/** How far one item is. */
export function ItemBar(props: { readonly fraction: number; readonly label: string }): JSX.Element {
  const percent = Math.floor(props.fraction * 100);
  return (
    <div
      className="bar small"
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span className="segment processing" style={{ width: `${percent}%` }} />
    </div>
  );
}
