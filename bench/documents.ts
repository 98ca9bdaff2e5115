/**
 * What the documents pipeline costs over a bare loop that calls the same libraries, on the same PDFs, one at a time, each run in
 * a process of its own: bare, Milepost, bare again in every round. Afterwards each known sentence is looked for in Milepost's index.
 *
 *   npm run bench -- documents [--documents 40] [--pages 40] [--rounds 3] [--json | --markdown]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { openLibrary } from "../src/index.ts";
import { type KnownSentence, LAYOUTS, makePdf, SCRIPTS } from "../test/support/make-documents.ts";
import type { Run } from "./case.ts";
import { interruption } from "./interruption.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { type ByRound, combine, figureByRound } from "./runs.ts";
import { summaryOf } from "./summary.ts";
import { showSpread, type Table } from "./table.ts";
import { Workshop } from "./workshop.ts";

/** `control` is bare once more: what it differs from bare by is noise. */
const SIDES = ["bare", "milepost", "control"] as const;
/** Of the pages without text, one in so many is looked for. */
const PICTURES_EVERY = 10;
const TICK_MS = 10_000;
const MODULES = { bare: "documents/bare", milepost: "documents/milepost", control: "documents/bare" } as const;

const { values } = parseArgs({
  options: {
    documents: { type: "string", default: "40" },
    pages: { type: "string", default: "40" },
    rounds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  documents: toCount("documents", values.documents),
  /** Of the longest; the others are spread evenly from one page on. */
  pages: toCount("pages", values.pages),
  rounds: toCount("rounds", values.rounds),
};

interface Made {
  readonly path: string;
  readonly sentences: readonly KnownSentence[];
  readonly pages: number;
  /** True: its pages hold pictures alone. */
  readonly isImages: boolean;
}

let nextTick = 0;

/** PDFs of all scripts and layouts in turn. */
async function makeDocuments(): Promise<readonly Made[]> {
  const folder = join(tmpdir(), `milepost-bench-documents-${settings.documents}-${settings.pages}`);
  mkdirSync(folder, { recursive: true });
  const made: Made[] = [];
  for (let seed = 0; seed < settings.documents; seed++) {
    tick("making PDFs", seed, settings.documents);
    const pages = 1 + Math.round(((settings.pages - 1) * seed) / Math.max(1, settings.documents - 1));
    const layout = LAYOUTS[seed % LAYOUTS.length] ?? "plain";
    const script =
      layout === "plain" ? (SCRIPTS[Math.floor(seed / LAYOUTS.length) % SCRIPTS.length] ?? "latin") : "latin";
    const { bytes, sentences } = await makePdf({ seed, pages, layout, script });
    const path = join(folder, `${String(seed).padStart(4, "0")}.pdf`);
    writeFileSync(path, bytes);
    made.push({ path, sentences, pages, isImages: layout === "images" });
  }
  process.stderr.write(`${made.length} PDFs in ${folder}\n`);
  return made;
}

/** Says now and then how far something is that takes long. */
function tick(what: string, done: number, total: number): void {
  if (performance.now() < nextTick) return;
  nextTick = performance.now() + TICK_MS;
  process.stderr.write(`${what}: ${done} of ${total}\n`);
}

interface LookUp {
  readonly found: number;
  readonly all: number;
  /** The same of pages without text, by their pictures. */
  readonly pictures: { readonly found: number; readonly all: number };
}

/** Looks for each known sentence, and for pages without text by their pictures; says how many were found first on their page. */
async function lookUp(index: string, made: readonly Made[]): Promise<LookUp> {
  using library = await openLibrary(index);
  let found = 0;
  let all = 0;
  const pictures = { found: 0, all: 0 };
  const ids = new Map<string, string>();
  for (let after = 0, more = true; more; ) {
    const page = await library.documents({ limit: 100, after });
    for (const { filename, sha256 } of page) ids.set(filename, sha256);
    after = page.at(-1)?.id ?? after;
    more = page.length > 0;
  }
  for (const { path, pages } of made.filter(({ isImages }) => isImages)) {
    for (let page = 1; page <= pages; page += PICTURES_EVERY) {
      const picture = await library.thumbnail(ids.get(basename(path)) ?? "", page);
      const [hit] = picture === undefined ? [] : await library.searchByImage(picture, { limit: 1 });
      pictures.all++;
      if (hit?.document.filename === basename(path) && hit.page === page) pictures.found++;
      else process.stderr.write(`missed: the picture of ${basename(path)} page ${page}\n`);
    }
  }
  const total = made.reduce((sum, { sentences }) => sum + sentences.length, 0);
  for (const { path, sentences } of made) {
    for (const { page, text } of sentences) {
      interruption.throwIfAborted();
      tick("looking sentences up", all, total);
      const [hit] = await library.search(text, { limit: 1 });
      all++;
      if (hit?.document.filename === basename(path) && hit.page === page) found++;
      else process.stderr.write(`missed: ${basename(path)} page ${page}: ${text}\n`);
    }
  }
  return { found, all, pictures };
}

function ratioTable(runs: readonly Run[]): Table {
  const spread = (side: string, figure: string): ReturnType<typeof summaryOf> =>
    summaryOf([...figureByRound(runs, { case: "documents", side }, figure).values()]);
  return {
    title: `${settings.documents} PDFs of 1 to ${settings.pages} pages; ${sentences.found} of ${sentences.all} sentences and ${sentences.pictures.found} of ${sentences.pictures.all} pictures found: median (min–max)`,
    columns: ["", "bare loop", "Milepost", "throughput, Milepost ÷ bare", "bare ÷ bare (noise)"],
    rows: [["time, ms", "ms", "wall"] as const, ["processor time, ms", "cpuMs", "cpu"] as const].map(
      ([label, figure, name]) => [
        label,
        showSpread(spread("bare", figure), 0),
        showSpread(spread("milepost", figure), 0),
        showSpread(ratios.ratioSpreads[`${name}ThroughputToBare`] ?? summaryOf([]), 3),
        showSpread(ratios.ratioSpreads[`${name}Noise`] ?? summaryOf([]), 3),
      ],
    ),
  };
}

const made = await makeDocuments();
using workshop = new Workshop();
const runs: Run[] = [];
let sentences: LookUp = { found: 0, all: 0, pictures: { found: 0, all: 0 } };
for (let round = 0; round < settings.rounds; round++) {
  for (const side of SIDES) {
    const index = workshop.path(`${round}-${side}.db`);
    const paths = made.map(({ path }) => path);
    const input = { paths: paths.slice(3), warmPaths: paths.slice(0, 3), index };
    const figures = await workshop.measure(MODULES[side], input);
    runs.push({ case: "documents", side, round, settings, figures });
    process.stderr.write(`round ${round + 1}: ${side} ${JSON.stringify(figures)}\n`);
    if (side === "milepost" && round === 0) sentences = await lookUp(index, made);
    workshop.removeStore(index);
    workshop.removeStore(`${index}.work`);
  }
}
const costs = (side: string, figure: string): ByRound => figureByRound(runs, { case: "documents", side }, figure);
/** The mean of the bare runs before and after Milepost's, so that a slow drift of the machine cancels out, over Milepost's cost. */
const throughput = (figure: string): readonly number[] => {
  const bare = combine(costs("bare", figure), costs("control", figure), (before, after) => (before + after) / 2);
  return [...combine(bare, costs("milepost", figure), (theirs, ours) => theirs / ours).values()];
};
const noise = (figure: string): readonly number[] => [
  ...combine(costs("control", figure), costs("bare", figure), (after, before) => after / before).values(),
];
const ratios = ratiosOf({
  wallThroughputToBare: throughput("ms"),
  cpuThroughputToBare: throughput("cpuMs"),
  wallNoise: noise("ms"),
  cpuNoise: noise("cpuMs"),
});
const report = {
  bench: "documents",
  machine: machineFacts(),
  versions: versionFacts({}),
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, [ratioTable(runs)], toStyle(values)));
