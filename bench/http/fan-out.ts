import { mkdirSync } from "node:fs";
import type { Run } from "../case.ts";
import { type ByRound, combine, figureByRound } from "../runs.ts";
import { type Summary, summaryOf } from "../summary.ts";
import { showSpread, type Table } from "../table.ts";
import type { Workshop } from "../workshop.ts";

/** `control` is bare once more: what it differs from bare by is noise. */
const SIDES = ["bare", "milepost", "control"] as const;
type Side = (typeof SIDES)[number];

export interface FanOutSettings {
  readonly rounds: number;
  readonly seconds: number;
  readonly listeners: number;
}

/** What is asked of a measured process. */
export interface FanOutInput extends FanOutSettings {
  readonly folder: string;
}

const MODULES: Readonly<Record<Side, string>> = {
  bare: "http/fan-out-bare",
  milepost: "http/fan-out-milepost",
  control: "http/fan-out-bare",
};

/** How long ten changes a second take to reach many listeners of one batch, from before the change is committed. */
export async function measureFanOut(workshop: Workshop, settings: FanOutSettings): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    for (const side of SIDES) {
      const folder = workshop.path(`fan-out-${round}-${side}`);
      mkdirSync(folder);
      const figures = await workshop.measure(MODULES[side], { ...settings, folder });
      runs.push({ case: "fan-out", side, round, settings: { ...settings }, figures });
      process.stderr.write(`round ${round + 1}: fan-out ${side} ${JSON.stringify(figures)}\n`);
    }
  }
  return runs;
}

/** Times: lower is better. */
export function fanOutRatios(runs: readonly Run[]): Readonly<Record<string, readonly number[]>> {
  const figure = (side: Side, name: string): ByRound => figureByRound(runs, { case: "fan-out", side }, name);
  const overBare = (name: string): readonly number[] => {
    const bare = combine(figure("bare", name), figure("control", name), (before, after) => (before + after) / 2);
    return [...combine(figure("milepost", name), bare, (ours, theirs) => ours / theirs).values()];
  };
  return {
    fanOutP50ToBare: overBare("p50Ms"),
    fanOutP99ToBare: overBare("p99Ms"),
    fanOutCpuToBare: overBare("cpuMsPerChange"),
    fanOutNoise: [...combine(figure("control", "p99Ms"), figure("bare", "p99Ms"), (a, b) => a / b).values()],
  };
}

export function fanOutTable(runs: readonly Run[], spreads: Readonly<Record<string, Summary>>): Table {
  const listeners = runs[0]?.settings.listeners ?? 0;
  const spread = (side: Side, name: string): string =>
    showSpread(summaryOf([...figureByRound(runs, { case: "fan-out", side }, name).values()]), 1);
  const ratio = (name: string): string => showSpread(spreads[name] ?? summaryOf([]), 2);
  const row = (label: string, name: string, to: string): readonly string[] => [
    label,
    spread("bare", name),
    spread("milepost", name),
    to === "" ? "" : ratio(to),
  ];
  return {
    title: `${listeners} listeners of one batch, 10 changes a second: median (min–max)`,
    columns: ["", "bare node:http", "Milepost", "Milepost ÷ bare"],
    rows: [
      row("half of the changes came within, ms", "p50Ms", "fanOutP50ToBare"),
      row("99 of 100 came within, ms", "p99Ms", "fanOutP99ToBare"),
      row("the last came after, ms", "maxMs", ""),
      row("processor time of the server for a change, ms", "cpuMsPerChange", "fanOutCpuToBare"),
    ],
  };
}
