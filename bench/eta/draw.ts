import { meanOf, play } from "./metrics.ts";
import type { Method } from "./predictor.ts";
import type { Trace } from "./trace.ts";

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 60;
const TOP = 40;
const PLOT_WIDTH = WIDTH - LEFT - 20;
const PLOT_HEIGHT = HEIGHT - TOP - 50;
const COLOURS = ["#0b6e4f", "#b23a48", "#7d7d7d"];

/** Remaining time as predicted against the truth, both in shares of the true total, as an SVG document. */
export function drawTrace(trace: Trace, methods: readonly Method[]): string {
  const x = (share: number): string => (LEFT + share * PLOT_WIDTH).toFixed(1);
  const y = (share: number): string => (TOP + (1 - Math.min(1.5, share) / 1.5) * PLOT_HEIGHT).toFixed(1);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="20" font-size="14">${escapeText(trace.name)}: predicted against true remaining time</text>`,
  ];
  for (const share of [0, 0.5, 1, 1.5]) {
    parts.push(`<path d="M${x(0)} ${y(share)}H${x(1)}" stroke="#ddd"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${y(share)}" text-anchor="end">${share * 100} %</text>`);
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(`<text x="${x(share)}" y="${HEIGHT - 30}" text-anchor="middle">${share * 100} %</text>`);
  }
  parts.push(`<text x="${x(0.5)}" y="${HEIGHT - 10}" text-anchor="middle">of the true total time</text>`);
  const drawn = methods.map((method) => ({ method, looks: play(trace, method).looks }));
  for (const { looks } of drawn) {
    const ranged = looks.flatMap(({ at, prediction }) =>
      prediction?.low === undefined || prediction.high === undefined
        ? []
        : [{ at, low: prediction.low, high: prediction.high }],
    );
    if (ranged.length === 0) continue;
    const up = ranged.map(({ at, high }) => `${x(at)},${y(high)}`);
    const down = ranged.toReversed().map(({ at, low }) => `${x(at)},${y(low)}`);
    parts.push(`<polygon points="${[...up, ...down].join(" ")}" fill="${COLOURS[0]}" fill-opacity="0.15"/>`);
  }
  parts.push(`<path d="M${x(0)} ${y(1)}L${x(1)} ${y(0)}" stroke="black" stroke-dasharray="4 3"/>`);
  for (const [index, { method, looks }] of drawn.entries()) {
    const points = looks.flatMap(({ at, prediction }) =>
      prediction === null ? [] : [`${x(at)},${y(prediction.median)}`],
    );
    const error = meanOf(
      looks.map(({ prediction, remaining }) => Math.min(1, Math.abs((prediction?.median ?? 0) - remaining))),
    );
    const colour = COLOURS[index % COLOURS.length];
    parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    parts.push(
      `<text x="${WIDTH - 24}" y="${TOP + 16 + 16 * index}" text-anchor="end" fill="${colour}">${escapeText(method.name)}, mean error ${(100 * error).toFixed(0)} %</text>`,
    );
  }
  return `${parts.join("\n")}\n</svg>\n`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
