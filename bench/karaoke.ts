/**
 * What a karaoke video costs beside ffmpeg with libass that burns the same words over the same picture, at the same effort of x264
 * (`superfast`, `zerolatency`, quality 23, a key frame every 2 s), each run in a process of its own: ffmpeg, Milepost, ffmpeg again in
 * every round. The two runs of ffmpeg tell how much of a difference is the machine's noise. It needs ffmpeg with libass and the font DejaVu Sans.
 *
 *   npm run bench -- karaoke [--seconds 60] [--rounds 3] [--width 1280] [--height 720] [--fps 30] [--json | --markdown]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { Run } from "./case.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { type ByRound, combine, figureByRound } from "./runs.ts";
import { summaryOf } from "./summary.ts";
import { showSpread, type Table } from "./table.ts";
import { Workshop } from "./workshop.ts";

/** `control` is ffmpeg once more: what it differs from ffmpeg by is noise. */
const SIDES = ["ffmpeg", "milepost", "control"] as const;
const MODULES = { ffmpeg: "karaoke/libass", milepost: "karaoke/milepost", control: "karaoke/libass" } as const;
const SYLLABLES = ["Twin", "kle ", "twin", "kle ", "lit", "tle ", "star ", "how ", "I ", "won", "der"] as const;
const LINE_MS = 2_800;
const SYLLABLE_CS = 24;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    rounds: { type: "string", default: "3" },
    width: { type: "string", default: "1280" },
    height: { type: "string", default: "720" },
    fps: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  seconds: toCount("seconds", values.seconds),
  rounds: toCount("rounds", values.rounds),
  width: toCount("width", values.width),
  height: toCount("height", values.height),
  fps: toCount("fps", values.fps),
};

function stamp(ms: number): string {
  const [minutes, seconds] = [Math.floor(ms / 60_000), (ms % 60_000) / 1_000];
  return `0:${String(minutes).padStart(2, "0")}:${seconds.toFixed(2).padStart(5, "0")}`;
}

/** A line every 2.8 s, sung for 2.64 s of them, in the size, colours and outline that are Milepost's own. */
function makeLyrics(): string {
  const size = Math.round(settings.height * 0.08 * 1.164);
  const style = `Song,DejaVu Sans,${size},&H003FD2FF,&H00FFFFFF,&H00000000,&H00000000,-1,1,${(size * 0.07).toFixed(1)},0,5`;
  const words = SYLLABLES.map((text) => `{\\kf${SYLLABLE_CS}}${text}`).join("");
  const lines: string[] = [];
  for (let at = 0; at + LINE_MS <= settings.seconds * 1_000; at += LINE_MS) {
    lines.push(`Dialogue: 0,${stamp(at)},${stamp(at + LINE_MS)},Song,,0,0,0,,${words}`);
  }
  return [
    `[Script Info]\nScriptType: v4.00+\nPlayResX: ${settings.width}\nPlayResY: ${settings.height}\n`,
    "[V4+ Styles]",
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, BorderStyle, Outline, Shadow, Alignment",
    `Style: ${style}\n`,
    "[Events]",
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ...lines,
  ].join("\n");
}

async function drawBackground(path: string): Promise<void> {
  const { width, height } = settings;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="#101a3a"/><stop offset="1" stop-color="#3a1c71"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/></svg>`;
  await sharp(Buffer.from(svg)).removeAlpha().png().toFile(path);
}

function table(runs: readonly Run[]): Table {
  const spread = (side: string, figure: string): ReturnType<typeof summaryOf> =>
    summaryOf([...figureByRound(runs, { case: "karaoke", side }, figure).values()]);
  const rows = [
    ["time, ms", "ms", "wall"],
    ["processor time, ms", "cpuMs", "cpu"],
  ] as const;
  return {
    title: `${settings.seconds} s at ${settings.width} × ${settings.height}, ${settings.fps} frames a second: median (min–max)`,
    columns: ["", "ffmpeg with libass", "Milepost", "throughput, Milepost ÷ ffmpeg", "ffmpeg ÷ ffmpeg (noise)"],
    rows: rows.map(([label, figure, name]) => [
      label,
      showSpread(spread("ffmpeg", figure), 0),
      showSpread(spread("milepost", figure), 0),
      showSpread(ratios.ratioSpreads[`${name}ThroughputToFfmpeg`] ?? summaryOf([]), 2),
      showSpread(ratios.ratioSpreads[`${name}Noise`] ?? summaryOf([]), 2),
    ]),
  };
}

using workshop = new Workshop();
const lyrics = workshop.path("song.ass");
const background = workshop.path("background.png");
writeFileSync(lyrics, makeLyrics());
await drawBackground(background);
const runs: Run[] = [];
for (let round = 0; round < settings.rounds; round++) {
  for (const side of SIDES) {
    const output = workshop.path(`${side}.mp4`);
    const figures = await workshop.measure(MODULES[side], { ...settings, lyrics, background, output });
    runs.push({ case: "karaoke", side, round, settings, figures });
    process.stderr.write(`round ${round + 1}: ${side} ${JSON.stringify(figures)}\n`);
  }
}
const costs = (side: string, figure: string): ByRound => figureByRound(runs, { case: "karaoke", side }, figure);
/** The mean of ffmpeg's runs before and after Milepost's, so that a slow drift of the machine cancels out, over Milepost's cost. */
const throughput = (figure: string): readonly number[] => {
  const theirs = combine(costs("ffmpeg", figure), costs("control", figure), (before, after) => (before + after) / 2);
  return [...combine(theirs, costs("milepost", figure), (a, b) => a / b).values()];
};
const noise = (figure: string): readonly number[] => [
  ...combine(costs("control", figure), costs("ffmpeg", figure), (after, before) => after / before).values(),
];
const ratios = ratiosOf({
  wallThroughputToFfmpeg: throughput("ms"),
  cpuThroughputToFfmpeg: throughput("cpuMs"),
  wallNoise: noise("ms"),
  cpuNoise: noise("cpuMs"),
});
const report = {
  bench: "karaoke",
  machine: machineFacts(),
  versions: versionFacts({}),
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, [table(runs)], toStyle(values)));
