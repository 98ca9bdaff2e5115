import type { Run } from "../case.ts";
import { type ByRound, combine, figureByRound } from "../runs.ts";
import { type Summary, summaryOf } from "../summary.ts";
import { showSpread, type Table } from "../table.ts";
import type { Workshop } from "../workshop.ts";

/** `busy`: ten commits a second change the very batch that is asked for. `control` is bare once more: its difference is noise. */
const SIDES = ["bare", "milepost", "busy", "control"] as const;
type Side = (typeof SIDES)[number];

export interface StatusSettings {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

/** What is asked of a measured process. */
export interface StatusInput extends StatusSettings {
  readonly folder: string;
}

const MODULES: Readonly<Record<Side, string>> = {
  bare: "http/status-bare",
  milepost: "http/status-milepost",
  busy: "http/status-milepost",
  control: "http/status-bare",
};

/** Requests per second for where a batch stands, and for a route of Fastify's that sends as many bytes. */
export async function measureStatus(workshop: Workshop, settings: StatusSettings): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    for (const side of SIDES) {
      const folder = workshop.path(`status-${round}-${side}`);
      const figures = await workshop.measure(MODULES[side], { ...settings, folder, isBusy: side === "busy" });
      runs.push({ case: "status", side, round, settings: { ...settings }, figures });
      process.stderr.write(`round ${round + 1}: status ${side} ${JSON.stringify(figures)}\n`);
    }
  }
  return runs;
}

/** Rates: higher is better. `…Cpu…` compares requests per second of processor time of the server alone. */
export function statusRatios(runs: readonly Run[]): Readonly<Record<string, readonly number[]>> {
  const figure = (side: Side, name: string): ByRound => figureByRound(runs, { case: "status", side }, name);
  const overBare = (side: Side, name: string): readonly number[] => {
    const bare = combine(figure("bare", name), figure("control", name), (before, after) => (before + after) / 2);
    return [...combine(figure(side, name), bare, (ours, theirs) => ours / theirs).values()];
  };
  return {
    statusToBare: overBare("milepost", "perSecond"),
    statusCpuToBare: overBare("milepost", "perCpuSecond"),
    busyStatusToBare: overBare("busy", "perSecond"),
    busyStatusCpuToBare: overBare("busy", "perCpuSecond"),
    statusNoise: [...combine(figure("control", "perSecond"), figure("bare", "perSecond"), (a, b) => a / b).values()],
  };
}

export function statusTable(runs: readonly Run[], spreads: Readonly<Record<string, Summary>>): Table {
  const spread = (side: Side, name: string): string =>
    showSpread(summaryOf([...figureByRound(runs, { case: "status", side }, name).values()]), 0);
  const ratio = (name: string): string => showSpread(spreads[name] ?? summaryOf([]), 2);
  const row = (label: string, side: Side, name: string): readonly string[] => [
    label,
    spread(side, "perSecond"),
    ratio(`${name}ToBare`),
    ratio(`${name}CpuToBare`),
  ];
  const bytes = summaryOf(runs.map(({ figures }) => figures.bodyBytes ?? Number.NaN)).median;
  return {
    title: `GET of ${bytes} bytes of JSON, one process: median (min–max)`,
    columns: ["", "requests/s", "÷ bare", "÷ bare, by processor time"],
    rows: [
      ["a bare route of Fastify", spread("bare", "perSecond"), "1", "1"],
      ["the same again (noise)", spread("control", "perSecond"), ratio("statusNoise"), ""],
      row("batch-status", "milepost", "status"),
      row("batch-status, 10 changes a second", "busy", "busyStatus"),
    ],
  };
}
