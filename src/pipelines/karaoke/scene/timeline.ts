import type { Line } from "../lyrics/lyrics.ts";

/** What of a project's style decides when its lines are seen. */
export interface TimelineStyle {
  /** Lines of a page. */
  readonly lines: number;
  /** Seconds; 0: no countdown. */
  readonly leadIn: number;
  readonly fadeMs: number;
}

/** Lines that are shown together, from `fromMs` until `untilMs`. */
export interface Page {
  /** Among all pages, from 0. */
  readonly index: number;
  readonly lines: readonly Line[];
  readonly fromMs: number;
  readonly untilMs: number;
  /** Dots that count down to a line of the page. */
  readonly countdowns: readonly Countdown[];
}

export interface Countdown {
  /** The line, by its place in the page. */
  readonly line: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly dots: number;
}

/** What is to be seen at one time, but for the words' filling. */
export interface Moment {
  readonly page: Page;
  /** 0 to `FULL`. */
  readonly opacity: number;
  /** Dots left of a countdown; null: none runs. */
  readonly countdown: { readonly line: number; readonly left: number; readonly dots: number } | null;
}

/** The opacity of what is no more faded; opacities are whole, so that equal pictures have equal keys. */
export const FULL = 256;
/** A page is shown so long before its first word, at least, where nothing else is sung. */
const PREVIEW_MS = 2_000;
/** And so long after its last one, where no other page follows. */
const LINGER_MS = 1_000;
/** A longer silence begins a new page, however few lines the one before has. */
const PAGE_SILENCE_MS = 8_000;

/** When which lines are seen. Pure: it knows nothing of fonts and pixels. Looking a time up costs O(log pages). */
export class Timeline {
  readonly pages: readonly Page[];
  readonly #fadeMs: number;

  constructor(lines: readonly Line[], style: TimelineStyle) {
    this.pages = toPages(lines, style);
    this.#fadeMs = style.fadeMs;
  }

  /** Null while nothing is shown. */
  at(timeMs: number): Moment | null {
    const page = this.#pageAt(timeMs);
    if (page === null) return null;
    const opacity = this.#opacityOf(page, timeMs);
    return opacity === 0 ? null : { page, opacity, countdown: countdownAt(page, timeMs) };
  }

  #pageAt(timeMs: number): Page | null {
    let low = 0;
    let high = this.pages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.pages[middle]?.fromMs ?? Number.POSITIVE_INFINITY) <= timeMs) low = middle + 1;
      else high = middle;
    }
    const page = this.pages[low - 1];
    return page !== undefined && timeMs < page.untilMs ? page : null;
  }

  #opacityOf({ fromMs, untilMs }: Page, timeMs: number): number {
    const fadeMs = Math.min(this.#fadeMs, (untilMs - fromMs) / 2);
    if (fadeMs <= 0) return FULL;
    // A page that is there when the video starts does not fade in.
    const appeared = fromMs <= 0 ? 1 : (timeMs - fromMs) / fadeMs;
    return Math.round(FULL * Math.min(1, appeared, (untilMs - timeMs) / fadeMs));
  }
}

/** How much of something that lasts from `startMs` to `endMs` is over: 0 to 1. What takes no time is over at its start. */
export function fractionAt(timeMs: number, startMs: number, endMs: number): number {
  if (timeMs < startMs) return 0;
  return timeMs >= endMs ? 1 : (timeMs - startMs) / (endMs - startMs);
}

interface Group {
  readonly lines: Line[];
  readonly startMs: number;
  endMs: number;
  readonly countdowns: Countdown[];
}

function toPages(lines: readonly Line[], style: TimelineStyle): readonly Page[] {
  const groups = toGroups(lines, style);
  const leadInMs = style.leadIn * 1_000;
  // A page comes when the one before is sung, at the latest with its own first word.
  const froms = groups.map(({ startMs }, index) =>
    Math.min(
      startMs,
      Math.max(startMs - Math.max(PREVIEW_MS, leadInMs), groups[index - 1]?.endMs ?? Number.NEGATIVE_INFINITY),
    ),
  );
  return groups.map(({ lines, endMs, countdowns }, index) => ({
    index,
    lines,
    fromMs: froms[index] ?? 0,
    untilMs: Math.min(endMs + LINGER_MS, froms[index + 1] ?? Number.POSITIVE_INFINITY),
    countdowns,
  }));
}

function toGroups(lines: readonly Line[], { lines: linesMax, leadIn }: TimelineStyle): readonly Group[] {
  const groups: Group[] = [];
  const leadInMs = leadIn * 1_000;
  let sungUntilMs = 0;
  let group: Group | undefined;
  for (const line of lines) {
    const silenceMs = line.startMs - sungUntilMs;
    if (group === undefined || group.lines.length >= linesMax || silenceMs > PAGE_SILENCE_MS) {
      group = { lines: [], startMs: line.startMs, endMs: line.endMs, countdowns: [] };
      groups.push(group);
    }
    if (leadIn > 0 && silenceMs >= leadInMs) {
      group.countdowns.push({
        line: group.lines.length,
        fromMs: line.startMs - leadInMs,
        untilMs: line.startMs,
        dots: Math.max(1, Math.round(leadIn)),
      });
    }
    group.lines.push(line);
    sungUntilMs = Math.max(sungUntilMs, line.endMs);
    group.endMs = Math.max(group.endMs, line.endMs);
  }
  return groups;
}

function countdownAt({ countdowns }: Page, timeMs: number): Moment["countdown"] {
  const running = countdowns.find(({ fromMs, untilMs }) => timeMs >= fromMs && timeMs < untilMs);
  if (running === undefined) return null;
  const { line, fromMs, untilMs, dots } = running;
  return { line, dots, left: Math.ceil((dots * (untilMs - timeMs)) / (untilMs - fromMs)) };
}
