/**
 * How good estimates of remaining time are: Milepost's and those of other tools, on recorded and on made-up batches.
 *
 *   npm run bench -- eta [--traces folder] [--json] [--constants]
 *   npm run bench -- eta --trace file [--out file.svg]
 *
 * `--traces` reads other recordings of the same format, files named hist-* being earlier batches of the same work. `--trace`
 * plays one and draws predicted against true remaining time. `--constants` halves and doubles every constant (minutes).
 * Times of the recordings are played, not waited for; all figures but the costs are the same on every machine.
 */
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { BASELINES } from "./baselines.ts";
import { ratioOf } from "./bootstrap.ts";
import { checkConstants } from "./constants.ts";
import { costOf } from "./cost.ts";
import { drawTrace } from "./draw.ts";
import { coverageAfterSix } from "./learning.ts";
import { type Score, score } from "./metrics.ts";
import { historyFrom, milepost } from "./ours.ts";
import type { Method } from "./predictor.ts";
import { SeededChance } from "./random.ts";
import { groupTableOf, middleOf, summarise, tableOf } from "./report.ts";
import { reschedule, syntheticTraces } from "./synthetic.ts";
import { earlierOf, readTrace, readTraces, type Trace } from "./trace.ts";
import { ABLATIONS, blinded, withConstants } from "./variants.ts";

const { values } = parseArgs({
  options: {
    traces: { type: "string" },
    trace: { type: "string" },
    out: { type: "string" },
    json: { type: "boolean", default: false },
    constants: { type: "boolean", default: false },
  },
});

interface Row {
  readonly method: string;
  readonly scores: readonly Score[];
}

const FIRST = "Milepost, first run";
const LATER = "Milepost, one earlier batch";

/** Milepost with what the earlier batch of the same work taught, where there is one. */
function withEarlier(traces: readonly Trace[], earlier: readonly Trace[]): Method {
  const histories = new Map(
    traces.map((trace) => {
      const before = earlierOf(trace, earlier);
      return [trace.name, before === undefined ? null : historyFrom([before])];
    }),
  );
  return milepost(LATER, ({ name }) => histories.get(name) ?? null);
}

function rowsOf(traces: readonly Trace[], methods: readonly Method[]): Row[] {
  return methods.map((method) => ({ method: method.name, scores: traces.map((trace) => score(trace, method)) }));
}

/** How many times lower our error is than that of each baseline. */
function ratiosOf(rows: readonly Row[], ours: string) {
  const own = rows.find(({ method }) => method === ours)?.scores ?? [];
  const others = rows.filter(({ method }) => BASELINES.some(({ name }) => name === method));
  return others.map(({ method, scores }) => ({ method, ...ratioOf(scores, own, middleOf) }));
}

function ablate(traces: readonly Trace[], method: Method) {
  return ABLATIONS.map(({ name, constants = {}, blind = {} }) => {
    const scores = withConstants(constants, () => traces.map((trace) => score(trace, blinded(method, blind))));
    return summarise(`without ${name}`, scores);
  });
}

/** Every recorded batch again, in three other orders, on one to four workers. */
function rescheduled(traces: readonly Trace[]): Trace[] {
  return traces.flatMap((trace) => {
    const chance = new SeededChance(trace.events.length);
    return [1, 2, 4].flatMap((workers) => reschedule(trace, { workers, share: 1, chance }) ?? []);
  });
}

function measure() {
  const { traces, earlier } = readTraces(values.traces);
  const later = withEarlier(traces, earlier);
  const recorded = rowsOf(traces, [...BASELINES, milepost(FIRST), later]);
  const families = [...BASELINES, milepost(FIRST)];
  return {
    recorded,
    rescheduled: rowsOf(rescheduled(traces), families),
    synthetic: rowsOf(syntheticTraces(6, 1), families),
    ratios: { [FIRST]: ratiosOf(recorded, FIRST), [LATER]: ratiosOf(recorded, LATER) },
    ablations: ablate(traces, milepost(FIRST)),
    ablationsLater: ablate(traces, later),
    afterSix: coverageAfterSix(traces),
    costs: [100_000, 400_000].map(costOf),
    constants: values.constants ? checkConstants(traces) : [],
  };
}

function printAll(results: ReturnType<typeof measure>): void {
  const summaries = (rows: readonly Row[]): string =>
    tableOf(rows.map(({ method, scores }) => summarise(method, scores)));
  for (const { name, source } of BASELINES) console.log(`${name.padEnd(28)}${source}`);
  for (const [title, rows] of Object.entries({
    recorded: results.recorded,
    "recorded items in other orders and widths": results.rescheduled,
    "made-up families": results.synthetic,
  })) {
    console.log(
      `\n${title}: ${rows[0]?.scores.length ?? 0} batches; errors as shares of the true total time\n${summaries(rows)}`,
    );
    const shown = [FIRST, LATER, "mean over all", "tqdm", "bytes"];
    console.log(`\nerror over 10–75 % by group\n${groupTableOf(rows.filter(({ method }) => shown.includes(method)))}`);
  }
  for (const [method, ratios] of Object.entries(results.ratios)) {
    console.log(`\n${method}: error over 10–75 % so many times lower than that of (90 % bootstrap interval)`);
    for (const { method: other, ratio, low, high } of ratios) {
      console.log(`${other.padEnd(28)} ${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`);
    }
  }
  console.log(`\n${FIRST}, without each mechanism\n${tableOf(results.ablations)}`);
  console.log(`\n${LATER}, without each mechanism\n${tableOf(results.ablationsLater)}`);
  const covered = Object.values(results.afterSix.each).toSorted((a, b) => a - b);
  console.log(
    `\ncoverage after six batches of one kind of work: mean ${results.afterSix.mean.toFixed(2)}, from ${covered[0]?.toFixed(2)} to ${covered.at(-1)?.toFixed(2)} (${covered.length} kinds)`,
  );
  for (const { items, microsPerEvent, millisPerEstimate, stateBytes } of results.costs) {
    console.log(
      `cost in a batch of ${items}: ${microsPerEvent.toFixed(2)} µs an event, ${millisPerEstimate.toFixed(2)} ms an estimate, state ${stateBytes} bytes`,
    );
  }
  for (const { constant, errors, chosenOnOthers } of results.constants) {
    const shown = errors.map((error) => error.toFixed(4)).join(" ");
    console.log(
      `${constant.padEnd(20)} half, as it is, twice: ${shown}; chosen on the other groups: ${chosenOnOthers.toFixed(4)}`,
    );
  }
}

function drawOne(path: string): void {
  const trace = readTrace(path);
  const out = values.out ?? `${basename(path, ".json")}.svg`;
  const { earlier } = readTraces(values.traces);
  const shown = BASELINES.filter(({ name }) => name === "tqdm");
  writeFileSync(out, drawTrace(trace, [withEarlier([trace], earlier), milepost(FIRST), ...shown]));
  console.log(`wrote ${out}`);
}

if (values.trace !== undefined) drawOne(values.trace);
else {
  const results = measure();
  if (values.json) console.log(JSON.stringify({ bench: "eta", ...results }));
  else printAll(results);
}
