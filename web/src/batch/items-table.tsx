// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand cannot be those of a table (parts/grid.tsx)
import { useVirtualizer } from "@tanstack/react-virtual";
import { type JSX, memo, useEffect, useLayoutEffect, useReducer, useRef } from "react";
import { formatRelative } from "../../../src/format/duration.ts";
import type { BatchPageView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { useVersion } from "../live/observable.ts";
import { Badge } from "../parts/badge.tsx";
import { Elapsed, useNow } from "../parts/clock.tsx";
import { GridCell, GridHead, GridRow } from "../parts/grid.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import { useNarrow } from "../parts/use-narrow.ts";
import { usePage } from "../session/session-context.tsx";
import { showCount, showDuration } from "../words/shown.ts";
import type { ItemList } from "./item-list.ts";
import type { ItemRow } from "./item-row.ts";
import { Scale } from "./scale.ts";

const ROW_PX = 38;
const CARD_PX = 64;
/** Its head and edges: a short list takes no more room than it needs. */
const FRAME_PX = 36;
const CARDS_BELOW = "(width < 48rem)";

/** The items of a batch, however many: only what is seen is drawn, and only that is read. */
export function ItemsTable(props: { readonly list: ItemList; readonly view: BatchPageView }): JSX.Element {
  const { list, view } = props;
  const version = useVersion(list);
  const frame = useRef<HTMLDivElement>(null);
  const height = useNarrow(CARDS_BELOW) ? CARD_PX : ROW_PX;
  const { count } = list;
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const scale = useRef(new Scale());
  /** As the last scrolling left it: asking the page while it is drawn would lay it out twice. */
  const scrolled = useRef(0);
  scale.current.setWhole(count * height);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    overscan: 12,
    observeElementOffset: ({ scrollElement }, tell) => {
      if (scrollElement === null) return undefined;
      const onScroll = (): void => {
        const factor = scale.current.factorIn(scrollElement);
        scrolled.current = scrollElement.scrollTop;
        tell(scrolled.current * factor, false);
        if (factor !== 1) redraw();
      };
      scrollElement.addEventListener("scroll", onScroll, { passive: true });
      onScroll();
      return () => scrollElement.removeEventListener("scroll", onScroll);
    },
    scrollToFn: (offset, { adjustments = 0 }, { scrollElement }) => {
      if (scrollElement === null) return;
      scrollElement.scrollTo({ top: (offset + adjustments) / scale.current.factorIn(scrollElement) });
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are to be laid out anew
  useLayoutEffect(() => virtual.measure(), [height]);
  // All rows are of one height: the virtualizer's own items, which it keeps for each row that was ever seen, are not needed.
  const indexes = virtual.getVirtualIndexes();
  const [first, last] = [indexes[0] ?? 0, indexes.at(-1) ?? 0];
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was looked at may have been forgotten
  useEffect(() => list.need(first, Math.max(last, first)), [list, first, last, version]);
  // Where the list is taller than what is drawn of it, rows lie at their distance from what is seen.
  const offset = (virtual.scrollOffset ?? 0) - scrolled.current;
  return (
    <div
      ref={frame}
      className="table items"
      role="table"
      aria-label="Items"
      aria-rowcount={count + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
      tabIndex={0}
      style={list.hasMore ? undefined : { maxHeight: count * height + FRAME_PX }}
    >
      <GridHead titles={["#", "Item", "State", "Progress and result", "Attempt", "Time"]} />
      <div role="rowgroup" className="rows" style={{ height: scale.current.shown }}>
        {indexes.map((index) => (
          <Row
            key={index}
            row={list.rowAt(index)}
            index={index}
            top={Math.round(index * height - offset)}
            view={view}
          />
        ))}
      </div>
    </div>
  );
}

const Row = memo(function Row(props: {
  readonly row: ItemRow | null | undefined;
  readonly index: number;
  readonly top: number;
  readonly view: BatchPageView;
}): JSX.Element {
  const { row, index, view } = props;
  if (row === null || row === undefined) {
    return (
      <GridRow className="missing" index={index} top={props.top}>
        <GridCell name="number">{showCount(index + 1)}</GridCell>
        <GridCell name="name">{row === undefined ? "removed" : ""}</GridCell>
      </GridRow>
    );
  }
  const isOpen = view.itemId === row.id;
  return (
    <GridRow className={isOpen ? "open" : ""} index={index} top={props.top}>
      <GridCell name="number">{showCount(row.ordinal + 1)}</GridCell>
      <GridCell name="name">
        <ViewLink
          to={{ ...view, itemId: row.id }}
          title={row.name === row.key ? row.name : `${row.name} (${row.key})`}
          isName
        >
          {row.name}
        </ViewLink>
      </GridCell>
      <GridCell name="state">
        <Badge state={row.state} words={row.isHeld ? "held" : row.state} />
      </GridCell>
      <GridCell name={`outcome ${row.state}`}>
        <Outcome row={row} view={view} />
      </GridCell>
      <GridCell name="attempt">{row.attempts > 1 ? showCount(row.attempts) : ""}</GridCell>
      <GridCell name="time">
        <Duration row={row} />
      </GridCell>
    </GridRow>
  );
});

/** How far it is while it runs; then what it made, or why it made nothing. */
function Outcome(props: { readonly row: ItemRow; readonly view: BatchPageView }): JSX.Element | null {
  const { row, view } = props;
  if (row.state === "processing") return <Progress row={row} />;
  if (row.hasOutput) return <OutputLink row={row} view={view} />;
  return row.error === null ? null : <span title={row.error}>{row.error}</span>;
}

function Progress(props: { readonly row: ItemRow }): JSX.Element {
  const { stage, units, fraction, name } = props.row;
  const words = [stage, units].filter((text) => text !== null && text !== "").join(" · ");
  return (
    <>
      <ItemBar fraction={fraction} label={`Progress of ${name}`} />
      <span className="under" title={words}>
        {words}
      </span>
    </>
  );
}

/** A file that a browser fetches by its cookie; who has a token gets it beside the table. */
function OutputLink(props: { readonly row: ItemRow; readonly view: BatchPageView }): JSX.Element {
  const { session } = usePage();
  const { row, view } = props;
  if (session.isOperator) return <ViewLink to={{ ...view, itemId: row.id }}>output</ViewLink>;
  return (
    <a href={`/api/batches/${view.batchId}/items/${row.id}/output`} download aria-label={`Output of ${row.name}`}>
      output
    </a>
  );
}

function Duration(props: { readonly row: ItemRow }): JSX.Element | null {
  const { state, startedMs, endedMs, readyMs } = props.row;
  if (startedMs !== null && endedMs !== null) return <>{showDuration((endedMs - startedMs) / 1_000)}</>;
  if (state === "processing" && startedMs !== null) return <Elapsed sinceMs={startedMs} />;
  return readyMs === null ? null : <Until timeMs={readyMs} />;
}

/** When a failed try is made again. */
function Until(props: { readonly timeMs: number }): JSX.Element {
  const now = useNow();
  return <>{props.timeMs > now ? formatRelative(props.timeMs, now) : ""}</>;
}
