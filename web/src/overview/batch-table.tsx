// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand cannot be those of a table (parts/grid.tsx)
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type JSX, memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { batchView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Badge } from "../parts/badge.tsx";
import { Age, useNow } from "../parts/clock.tsx";
import { GridCell, GridHead, GridRow } from "../parts/grid.tsx";
import { SegmentBar } from "../parts/segment-bar.tsx";
import { useNarrow } from "../parts/use-narrow.ts";
import { doneWords, ownerOf, statusWords, timeWords, titleOf } from "../words/batch-words.ts";
import { showCount, showPercent, showRate } from "../words/shown.ts";
import { type TurnDrag, useTurnDrag } from "./turn-drag.ts";
import type { NewPlace } from "./turns.ts";

const ROW_PX = 60;
const CARD_PX = 132;
const CARDS_BELOW = "(width < 56rem)";
/** Rows from its end where the next page is asked for. */
const NEAR_END = 20;

/** Batches as a table as long as they are; only what is seen is drawn. */
export function BatchTable(props: {
  readonly batches: readonly WireBatch[];
  readonly rateOf: (id: string) => number | null;
  readonly onNearEnd: () => void;
  /** True where they stand in the order in which they run: they can be brought into another one. */
  readonly isMovable: boolean;
  readonly onMove: (moved: WireBatch, to: NewPlace) => void;
}): JSX.Element {
  const { batches, onNearEnd, isMovable } = props;
  const { markOf, onPress, onKey } = useTurnDrag(batches, props.onMove);
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const height = useNarrow(CARDS_BELOW) ? CARD_PX : ROW_PX;
  const virtual = useWindowVirtualizer({
    count: batches.length,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: margin,
    getItemKey: (index) => batches[index]?.id ?? index,
  });
  useLayoutEffect(() => {
    setMargin(Math.round((body.current?.getBoundingClientRect().top ?? 0) + scrollY));
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are to be laid out anew
  useLayoutEffect(() => virtual.measure(), [height]);
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= batches.length - NEAR_END) onNearEnd();
  }, [last, batches.length, onNearEnd]);
  return (
    <div className="table batches" role="table" aria-label="Batches" aria-rowcount={batches.length + 1}>
      <GridHead titles={["Batch", "Status", "Progress", "Time left", "Rate", "Age"]} />
      <div ref={body} role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
        {rows.map(({ index, key, start }) => {
          const batch = batches[index];
          if (batch === undefined) return null;
          return (
            <BatchRow
              key={key}
              batch={batch}
              index={index}
              top={start - margin}
              rate={props.rateOf(batch.id)}
              isMovable={isMovable && batch.endedAt === null}
              mark={markOf(index)}
              onPress={onPress}
              onKey={onKey}
            />
          );
        })}
      </div>
    </div>
  );
}

const BatchRow = memo(function BatchRow(props: {
  readonly batch: WireBatch;
  readonly index: number;
  readonly top: number;
  readonly rate: number | null;
  readonly isMovable: boolean;
  readonly mark: ReturnType<TurnDrag["markOf"]>;
  readonly onPress: TurnDrag["onPress"];
  readonly onKey: TurnDrag["onKey"];
}): JSX.Element {
  const { batch, rate } = props;
  const title = titleOf(batch);
  const isRunning = batch.status === "processing";
  return (
    <GridRow index={props.index} top={props.top} id={batch.id} className={props.mark}>
      <GridCell name="name">
        {props.isMovable && (
          <button
            type="button"
            className="turn"
            aria-label={`Move ${title} with the up and down keys`}
            title={`Drag, or press the up and down keys: of queue ${batch.queue} what is higher runs sooner`}
            onPointerDown={(event) => props.onPress(event, batch.id)}
            onKeyDown={(event) => props.onKey(event, batch.id)}
          >
            <i className="grip" />
          </button>
        )}
        <ViewLink to={batchView(batch.id)} title={title} isName>
          {title}
        </ViewLink>
        <span className="under" title={`${batch.pipeline} in queue ${batch.queue}, of ${ownerOf(batch)}`}>
          {batch.pipeline} · {batch.queue} · {ownerOf(batch)}
        </span>
      </GridCell>
      <GridCell name="status">
        <Badge state={batch.status} words={statusWords(batch)} />
      </GridCell>
      <GridCell name="progress">
        <SegmentBar batch={batch} />
        <span className="under">
          <b className="percent">{showPercent(batch.percent)}</b> {doneWords(batch)}
          {batch.counts.failed > 0 && <em className="failed-count">{showCount(batch.counts.failed)} failed</em>}
        </span>
      </GridCell>
      <GridCell name="left">
        <TimeLeft batch={batch} />
      </GridCell>
      <GridCell name="rate">{isRunning ? showRate(rate) : ""}</GridCell>
      <GridCell name="age">
        <Age time={batch.createdAt} />
      </GridCell>
    </GridRow>
  );
});

function TimeLeft(props: { readonly batch: WireBatch }): JSX.Element {
  const words = timeWords(props.batch, useNow());
  return <span title={words}>{words}</span>;
}
