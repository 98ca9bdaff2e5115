/**
 * What the images pipeline costs over a bare loop of sharp at the same concurrency, on the same files, each run in a
 * process of its own: bare, Milepost, bare again in every round. The two bare runs tell how much of a difference is the
 * machine's noise. bench/README.md says why the two sides are comparable.
 *
 *   npm run bench -- images [--images 300] [--rounds 5] [--concurrency 4] [--width 800] [--format jpeg] [--json | --markdown]
 */
import { readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, parse } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { makeImages } from "../examples/make-images.ts";
import type { Run } from "./case.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toChoice, toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { type ByRound, combine, figureByRound } from "./runs.ts";
import { summaryOf } from "./summary.ts";
import { showSpread, type Table } from "./table.ts";
import { Workshop } from "./workshop.ts";

const FORMATS = ["jpeg", "png", "webp", "avif"] as const;
/** `control` is bare once more: what it differs from bare by is noise. */
const SIDES = ["bare", "milepost", "control"] as const;
const MODULES = { bare: "images/bare", milepost: "images/milepost", control: "images/bare" } as const;
const WARM_IMAGES = 10;

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "300" },
    rounds: { type: "string", default: "5" },
    concurrency: { type: "string", default: "4" },
    width: { type: "string", default: "800" },
    format: { type: "string", default: "jpeg" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const [format = "jpeg"] = toChoice("format", values.format, FORMATS);
const settings = {
  images: toCount("images", values.images),
  rounds: toCount("rounds", values.rounds),
  concurrency: toCount("concurrency", values.concurrency),
  width: toCount("width", values.width),
  format,
};

/** Kept between runs: making 300 photos takes longer than measuring them. */
async function photos(): Promise<readonly string[]> {
  const folder = join(tmpdir(), "milepost-bench-photos");
  process.stderr.write(`${settings.images} photos in ${folder}\n`);
  const { paths } = await makeImages(folder, { count: settings.images, seed: 7, formats: ["jpg"] });
  return paths;
}

/** Both sides must have made the same images, byte for byte, or they did not do the same work. */
function assertSame(paths: readonly string[], outs: Readonly<Record<string, string>>): void {
  const ending = format === "jpeg" ? "jpg" : format;
  for (const path of paths) {
    const bare = readFileSync(join(outs.bare ?? "", basename(path)));
    const ours = readFileSync(join(outs.milepost ?? "", `${parse(path).name}.${ending}`));
    if (!bare.equals(ours)) throw new Error(`the two sides made different images of ${path}`);
  }
}

function ratioTable(runs: readonly Run[]): Table {
  const spread = (side: string, figure: string): ReturnType<typeof summaryOf> =>
    summaryOf([...figureByRound(runs, { case: "images", side }, figure).values()]);
  return {
    title: `${settings.images} JPEGs of 0.3 to 12 megapixels: median (min–max)`,
    columns: ["", "bare sharp", "Milepost", "Milepost ÷ bare", "bare ÷ bare (noise)"],
    rows: [["time, ms", "ms", "wall"] as const, ["processor time, ms", "cpuMs", "cpu"] as const].map(
      ([label, figure, name]) => [
        label,
        showSpread(spread("bare", figure), 0),
        showSpread(spread("milepost", figure), 0),
        showSpread(ratios.ratioSpreads[`${name}ToBare`] ?? summaryOf([]), 3),
        showSpread(ratios.ratioSpreads[`${name}Noise`] ?? summaryOf([]), 3),
      ],
    ),
  };
}

const paths = await photos();
using workshop = new Workshop();
const runs: Run[] = [];
for (let round = 0; round < settings.rounds; round++) {
  const outs = {
    bare: workshop.path("bare"),
    milepost: workshop.path("milepost"),
    control: workshop.path("control"),
  };
  for (const side of SIDES) {
    await mkdir(outs[side]);
    const { rounds: _rounds, images: _images, ...input } = settings;
    const store = workshop.path(`${round}.db`);
    const warmPaths = paths.slice(0, WARM_IMAGES);
    const figures = await workshop.measure(MODULES[side], { ...input, paths, warmPaths, out: outs[side], store });
    runs.push({ case: "images", side, round, settings: { ...input, images: paths.length }, figures });
    process.stderr.write(`round ${round + 1}: ${side} ${JSON.stringify(figures)}\n`);
  }
  assertSame(paths, outs);
  for (const out of Object.values(outs)) rmSync(out, { recursive: true });
}
const costs = (side: string, figure: string): ByRound => figureByRound(runs, { case: "images", side }, figure);
/** Milepost's cost / the mean of the bare runs before and after it, so that a slow drift of the machine cancels out. */
const overBare = (figure: string): readonly number[] => {
  const bare = combine(costs("bare", figure), costs("control", figure), (before, after) => (before + after) / 2);
  return [...combine(costs("milepost", figure), bare, (ours, theirs) => ours / theirs).values()];
};
const noise = (figure: string): readonly number[] => [
  ...combine(costs("control", figure), costs("bare", figure), (after, before) => after / before).values(),
];
const ratios = ratiosOf({
  wallToBare: overBare("ms"),
  cpuToBare: overBare("cpuMs"),
  wallNoise: noise("ms"),
  cpuNoise: noise("cpuMs"),
});
const { vips = "unknown" } = sharp.versions;
const report = {
  bench: "images",
  machine: machineFacts(),
  versions: versionFacts({ sharp: sharp.versions.sharp ?? "unknown", libvips: vips }),
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, [ratioTable(runs)], toStyle(values)));
