import { type JSX, useMemo } from "react";
import { formatEstimate } from "../../../src/format/duration.ts";
import { showRate, showSeconds, UNKNOWN } from "../words/shown.ts";
import { Chart } from "./chart.tsx";
import { columnsOf, type Sample } from "./samples.ts";

const SAMPLES_MIN = 3;
const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
/** Seconds that make whole minutes, hours and days. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 30].flatMap((count) => [count, count * MINUTE]),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100].map((count) => count * DAY),
].sort((one, two) => one - two);

/** Rate and predicted time left as they were while the page was open. */
export function ChartsPanel(props: {
  readonly samples: readonly Sample[];
  readonly count: number;
}): JSX.Element | null {
  const { samples, count } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list grows in place; the count says that it has
  const columns = useMemo(() => columnsOf(samples), [samples, count]);
  const rates = useMemo(() => [{ label: "Rate", values: columns.rates, colour: "--processing" }], [columns]);
  const left = useMemo(
    () => [
      { label: "At least", values: columns.lows, colour: "--band-edge" },
      { label: "Likely", values: columns.medians, colour: "--accent" },
      { label: "At most", values: columns.highs, colour: "--band-edge" },
    ],
    [columns],
  );
  const last = samples.at(-1);
  if (last === undefined || count < SAMPLES_MIN) return null;
  return (
    <section className="panel" aria-labelledby="charts-title">
      <h2 id="charts-title">Since this page was opened</h2>
      <Chart title="Rate" now={showRate(last.perSecond)} times={columns.times} lines={rates} format={showRate} />
      <Chart
        title="Predicted range"
        now={leftWords(last)}
        times={columns.times}
        lines={left}
        hasBand
        format={showSeconds}
        steps={TIME_STEPS}
      />
    </section>
  );
}

function leftWords({ low, median, high }: Sample): string {
  if (low === null || median === null || high === null) return UNKNOWN;
  return formatEstimate({ low, median, high }, null);
}
