import { type JSX, useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** The colour's name among the tokens of the style. */
  readonly colour: string;
}

/** Made once: that costs more than a hundred uses. */
const TO_MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const TO_SECOND = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const HEIGHT_PX = 130;
const AXIS_PX = 72;

/**
 * Values over time. `band` fills what is between the first and the last line. What it shows is said in words beside it, so
 * that it is only a picture to who does not see it.
 */
export function Chart(props: {
  readonly title: string;
  /** What there is to say of the latest value. */
  readonly now: string;
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly hasBand?: boolean;
  readonly format: (value: number) => string;
  /** What may lie between two marks of the upright axis; without it the usual tens. */
  readonly steps?: readonly number[];
}): JSX.Element {
  const { times, lines, format, hasBand = false, steps } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const latest = useRef({ times, lines, format });
  latest.current = { times, lines, format };
  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; its data follow
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const onPoint = (index: number | null): void => {
      setPointed(index === null ? null : wordsAt(latest.current, index));
    };
    const made = new uPlot(
      optionsOf(element.clientWidth, { lines, hasBand, format, onPoint, steps }),
      dataOf(times, lines),
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    const redraw = (): void => {
      colours.clear();
      made.redraw();
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      theme.disconnect();
      dark.removeEventListener("change", redraw);
      made.destroy();
    };
  }, []);
  useEffect(() => chart.current?.setData(dataOf(times, lines)), [times, lines]);
  return (
    <figure className="chart">
      <figcaption>
        <span>{props.title}</span>
        <b>{pointed ?? props.now}</b>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

function wordsAt(
  { times, lines, format }: { times: readonly number[]; lines: readonly Line[]; format: (value: number) => string },
  index: number,
): string | null {
  const time = times[index];
  const values = lines.map(({ values }) => values[index]).filter((value) => value != null);
  if (time === undefined || values.length === 0) return null;
  const at = TO_SECOND.format(time * 1_000);
  const [first, last] = [values[0] ?? 0, values.at(-1) ?? 0];
  return `${at}: ${values.length > 1 ? `${format(first)} to ${format(last)}` : format(first)}`;
}

function optionsOf(
  width: number,
  parts: {
    readonly lines: readonly Line[];
    readonly hasBand: boolean;
    readonly format: (value: number) => string;
    readonly onPoint: (index: number | null) => void;
    readonly steps: readonly number[] | undefined;
  },
): uPlot.Options {
  const axis = {
    stroke: () => token("--ink-2"),
    grid: { stroke: () => token("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_chart, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 80,
        values: (_chart, ticks, _axis, _space, step) => ticks.map((tick) => timeTick(tick, step)),
      },
      {
        ...axis,
        size: AXIS_PX,
        space: 30,
        values: (_chart, ticks) => ticks.map(parts.format),
        ...(parts.steps !== undefined && { incrs: [...parts.steps] }),
      },
    ],
    series: [
      {},
      ...parts.lines.map(({ label, colour }) => ({
        label,
        stroke: () => token(colour),
        width: 1.5,
        points: { show: false },
      })),
    ],
    ...(parts.hasBand && {
      bands: [{ series: [parts.lines.length, 1] as [number, number], fill: () => token("--band") }],
    }),
    hooks: { setCursor: [(chart) => parts.onPoint(chart.cursor.idx ?? null)] },
  };
}

/** With seconds where less than a minute lies between two. */
function timeTick(seconds: number, step: number): string {
  return (step < 60 ? TO_SECOND : TO_MINUTE).format(seconds * 1_000);
}

/** Of the theme that is shown. */
const colours = new Map<string, string>();

/** A colour of the style as a canvas takes it: what it is in the theme that is shown. */
function token(name: string): string {
  const known = colours.get(name);
  if (known !== undefined) return known;
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.documentElement.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  colours.set(name, color);
  return color;
}
