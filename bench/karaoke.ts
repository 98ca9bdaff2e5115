/**
 * What a karaoke video costs beside ffmpeg with libass that burns the same words over the same picture, at the same effort of x264
 * (`superfast`, `zerolatency`, quality 23, a key frame every 2 s), each run in a process of its own: ffmpeg, Milepost, ffmpeg again in
 * every round, for one line over a gradient and for three lines at once over a picture as detailed as a photograph. The two runs of
 * ffmpeg tell how much of a difference is the machine's noise. It needs ffmpeg with libass and the font DejaVu Sans.
 *
 *   npm run bench -- karaoke [--seconds 60] [--rounds 3] [--width 1280] [--height 720] [--fps 30] [--json | --markdown]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { SeededRandom } from "../src/testing/seeded-random.ts";
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
const CASES = [
  { name: "line", title: "one line over a gradient", lines: 1, draw: drawGradient },
  { name: "page", title: "three lines at once over a detailed picture", lines: 3, draw: drawPhoto },
] as const;
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

/**
 * A line every 2.8 s, sung for 2.64 s of them, in the size, colours and outline that are Milepost's own; so many are shown together, from
 * the start of the first to the end of the last.
 */
function makeLyrics(together: number): string {
  const size = Math.round(settings.height * 0.08 * 1.164);
  const style = `Song,DejaVu Sans,${size},&H003FD2FF,&H00FFFFFF,&H00000000,&H00000000,-1,1,${(size * 0.07).toFixed(1)},0,5`;
  const words = SYLLABLES.map((text) => `{\\kf${SYLLABLE_CS}}${text}`).join("");
  const lines: string[] = [];
  const pageMs = together * LINE_MS;
  for (let page = 0; page + pageMs <= settings.seconds * 1_000; page += pageMs) {
    const wait = (line: number): string => (line === 0 ? "" : `{\\k${(line * LINE_MS) / 10}}`);
    // Both put a later line below an earlier one that is there.
    for (let line = 0; line < together; line++) {
      lines.push(`Dialogue: 0,${stamp(page)},${stamp(page + pageMs)},Song,,0,0,0,,${wait(line)}${words}`);
    }
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

async function drawGradient(path: string): Promise<void> {
  const { width, height } = settings;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="#101a3a"/><stop offset="1" stop-color="#3a1c71"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/></svg>`;
  await sharp(Buffer.from(svg)).removeAlpha().png().toFile(path);
}

/** Noise in large and small spots, which x264 finds no easier than a photograph. */
async function drawPhoto(path: string): Promise<void> {
  const { width, height } = settings;
  const noise = async (part: number): Promise<Buffer> => {
    const [columns, rows] = [Math.ceil(width / part), Math.ceil(height / part)];
    const random = new SeededRandom(part);
    const spots = Buffer.from(Array.from({ length: columns * rows * 3 }, () => Math.floor(random.fraction() * 160)));
    return sharp(spots, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(width, height, { kernel: "cubic", fit: "fill" })
      .png()
      .toBuffer();
  };
  await sharp(await noise(60))
    .composite([{ input: await noise(3), blend: "soft-light" }])
    .removeAlpha()
    .png()
    .toFile(path);
}

function table(
  runs: readonly Run[],
  { name: caseName, title }: { readonly name: string; readonly title: string },
): Table {
  const spread = (side: string, figure: string): ReturnType<typeof summaryOf> =>
    summaryOf([...figureByRound(runs, { case: caseName, side }, figure).values()]);
  const rows = [
    ["time, ms", "ms", "Wall"],
    ["processor time, ms", "cpuMs", "Cpu"],
  ] as const;
  return {
    title: `${title}: ${settings.seconds} s at ${settings.width} × ${settings.height}, ${settings.fps} frames a second: median (min–max)`,
    columns: ["", "ffmpeg with libass", "Milepost", "throughput, Milepost ÷ ffmpeg", "ffmpeg ÷ ffmpeg (noise)"],
    rows: rows.map(([label, figure, name]) => [
      label,
      showSpread(spread("ffmpeg", figure), 0),
      showSpread(spread("milepost", figure), 0),
      showSpread(ratios.ratioSpreads[`${caseName}${name}ThroughputToFfmpeg`] ?? summaryOf([]), 2),
      showSpread(ratios.ratioSpreads[`${caseName}${name}Noise`] ?? summaryOf([]), 2),
    ]),
  };
}

using workshop = new Workshop();
const inputs = await Promise.all(
  CASES.map(async ({ name, lines, draw }) => {
    const [lyrics, background] = [workshop.path(`${name}.ass`), workshop.path(`${name}.png`)];
    writeFileSync(lyrics, makeLyrics(lines));
    await draw(background);
    return { name, lines, lyrics, background };
  }),
);
const runs: Run[] = [];
for (let round = 0; round < settings.rounds; round++) {
  for (const { name, ...input } of inputs) {
    for (const side of SIDES) {
      const output = workshop.path(`${side}.mp4`);
      const figures = await workshop.measure(MODULES[side], { ...settings, ...input, output });
      runs.push({ case: name, side, round, settings: { ...settings, lines: input.lines }, figures });
      process.stderr.write(`round ${round + 1}: ${name}: ${side} ${JSON.stringify(figures)}\n`);
    }
  }
}

/** Ratios of a case: ours are the mean of ffmpeg's runs before and after Milepost's, so that a slow drift of the machine cancels out, over Milepost's cost. */
function ratiosIn(caseName: string): Readonly<Record<string, readonly number[]>> {
  const costs = (side: string, figure: string): ByRound => figureByRound(runs, { case: caseName, side }, figure);
  const throughput = (figure: string): readonly number[] => {
    const theirs = combine(costs("ffmpeg", figure), costs("control", figure), (before, after) => (before + after) / 2);
    return [...combine(theirs, costs("milepost", figure), (a, b) => a / b).values()];
  };
  const noise = (figure: string): readonly number[] => [
    ...combine(costs("control", figure), costs("ffmpeg", figure), (after, before) => after / before).values(),
  ];
  return {
    [`${caseName}WallThroughputToFfmpeg`]: throughput("ms"),
    [`${caseName}CpuThroughputToFfmpeg`]: throughput("cpuMs"),
    [`${caseName}WallNoise`]: noise("ms"),
    [`${caseName}CpuNoise`]: noise("cpuMs"),
  };
}

const ratios = ratiosOf(Object.assign({}, ...CASES.map(({ name }) => ratiosIn(name))));
const report = {
  bench: "karaoke",
  machine: machineFacts(),
  versions: versionFacts({}),
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(
  renderReport(
    report,
    CASES.map((each) => table(runs, each)),
    toStyle(values),
  ),
);
