import { isUuid, ordinalOf } from "../../../src/core/ids.ts";
import type { ItemState } from "../../../src/core/transitions.ts";
import type { WireChangedItem } from "../../../src/wire/event.ts";
import { showCount } from "../words/shown.ts";

/** An item as its row shows it. */
export interface ItemRow {
  readonly id: string;
  /** Its place in the order of submission. */
  readonly ordinal: number;
  readonly key: string;
  readonly name: string;
  readonly state: ItemState;
  readonly isHeld: boolean;
  readonly stage: string | null;
  /** `page 13 of 20`; empty where its stage counts nothing. */
  readonly units: string;
  readonly fraction: number;
  readonly attempts: number;
  readonly version: number;
  readonly priority: number;
  readonly readyMs: number | null;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly error: string | null;
  /** Whether it made a file that can be downloaded: work on files that were sent in does. */
  readonly hasOutput: boolean;
}

/** What of the items is shown. */
export interface ItemFilter {
  readonly state: ItemState | null;
  readonly stage: string | null;
  readonly error: string | null;
  readonly search: string;
}

export function toItemRow(item: WireChangedItem): ItemRow {
  const { id, key, state, progress, error } = item;
  return {
    id,
    ordinal: ordinalOf(id) ?? 0,
    key,
    name: lastPartOf(item.name),
    state,
    isHeld: item.isHeld,
    stage: state === "processing" ? progress.stage : null,
    units: state === "processing" ? unitsOf(progress) : "",
    fraction: item.fraction,
    attempts: item.attempts,
    version: item.version,
    priority: item.priority,
    readyMs: toMs(item.readyAt),
    startedMs: toMs(item.startedAt),
    endedMs: toMs(item.endedAt),
    error: error?.message ?? null,
    hasOutput: state === "completed" && isUuid(key),
  };
}

/** Of paths, what tells their files apart; anything else as it is. */
export function lastPartOf(name: string): string {
  return (name.split(/[/\\]/).at(-1) ?? name) || name;
}

/** `page 13 of 20`, `4 of 9`, or the message where that is all there is. */
export function unitsOf({ done, total, unit, message }: WireChangedItem["progress"]): string {
  if (done === null) return message ?? "";
  const count = total === null ? showCount(done) : `${showCount(done)} of ${showCount(total)}`;
  return unit === null ? count : `${unit} ${count}`;
}

/** The row where it is now, of two of the same item. */
export function laterOf(a: ItemRow, b: ItemRow): ItemRow {
  return b.version >= a.version ? b : a;
}

export function isFiltered(filter: ItemFilter): boolean {
  return filter.state !== null || filter.stage !== null || filter.error !== null || filter.search !== "";
}

/** Whether a row is one of those that the filter asks for, by the rules of the server. */
export function matches(row: ItemRow, filter: ItemFilter): boolean {
  if (filter.state !== null && row.state !== filter.state) return false;
  if (filter.stage !== null && !(row.state === "processing" && row.stage === filter.stage)) return false;
  if (filter.error !== null && !(row.state === "failed" && row.error === filter.error)) return false;
  if (filter.search === "") return true;
  const needle = toLowerAscii(filter.search);
  return toLowerAscii(row.key).includes(needle) || toLowerAscii(row.name).includes(needle);
}

function toLowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function toMs(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}
