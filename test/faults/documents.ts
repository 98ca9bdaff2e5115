/** Many documents whose taking in is killed, and searches in an index of a million chunks. Run alone: `npx node test/faults/documents.ts [name]`. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { SearchProcesses } from "../../src/pipelines/documents/search-processes.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { killIngestion } from "../support/kill-ingestion.ts";
import { LAYOUTS, makePdf, SCRIPTS } from "../support/make-documents.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { makeLargeIndex } from "./support/large-index.ts";

const DOCUMENTS = 40;
const PAGES_MAX = 60;
const KILLS = 10;
const DELAY_MS = 400;
const CHUNKS = 1_000_000;
/** Every word of it stands in the index very often. */
const QUERY = "tidal energy comes twice a day and nobody has to ask for it while rivers wait in winter";
const SEARCHING_MS = 1_500;
const PROMPT_MS = 300;

/** Documents of all scripts and layouts, and kills at moments drawn by a seed. */
async function killOften(scene: Scene): Promise<void> {
  const random = new SeededRandom(7);
  const pages = Array.from({ length: DOCUMENTS }, () => 1 + random.whole(PAGES_MAX));
  const made = [];
  for (const [seed, count] of pages.entries()) {
    const layout = LAYOUTS[seed % LAYOUTS.length] ?? "plain";
    const script =
      layout === "plain" ? (SCRIPTS[Math.floor(seed / LAYOUTS.length) % SCRIPTS.length] ?? "latin") : "latin";
    made.push(await makePdf({ seed, pages: count, layout, script }));
  }
  const all = pages.reduce((sum, count) => sum + count, 0);
  const step = Math.floor(all / (KILLS + 1));
  const kills = Array.from({ length: KILLS }, () => ({
    pages: 1 + random.whole(step),
    delayMs: random.whole(DELAY_MS),
  }));
  const wrong = await killIngestion(scene.folder, made, {
    kills,
    onChild: (child) => scene.afterwards(() => child.kill("SIGKILL")),
  });
  scene.check(`${DOCUMENTS} documents, ${all} pages, ${KILLS} kills: what does not agree`, wrong, []);
}

/** Every search takes longer than it may here: each is refused in time, and whoever asks is not held up. */
async function searchMuch(scene: Scene): Promise<void> {
  const index = scene.path("library.db");
  await makeLargeIndex(index, CHUNKS);
  const patient = new SearchProcesses({ atOnce: 1, waiting: 0, timeLimitMs: null });
  scene.afterwards(() => patient.close());
  const begun = performance.now();
  const places = await patient.search({ index }, QUERY, 10);
  const searchMs = performance.now() - begun;
  scene.check(`places found among ${CHUNKS} chunks in ${Math.round(searchMs)} ms`, places.length, 10);

  const search = Child.milepost(scene, ["documents", "search", QUERY]);
  await setTimeout(Math.min(SEARCHING_MS, searchMs / 2));
  const signalled = performance.now();
  search.signal("SIGINT");
  scene.check("Ctrl-C", await search.ended, { status: 130, signal: null });
  scene.checkAtMost("milliseconds from Ctrl-C to the end", performance.now() - signalled, PROMPT_MS);

  const limitMs = searchMs / 4;
  const strict = new SearchProcesses({ atOnce: 1, waiting: 0, timeLimitMs: limitMs });
  scene.afterwards(() => strict.close());
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const asked = performance.now();
  const refused = await strict.search({ index }, QUERY, 10).catch((error: Error) => error);
  delays.disable();
  scene.checkText("beyond its limit", String(refused), /longer than/);
  scene.checkAtMost("milliseconds beyond the limit", performance.now() - asked - limitMs, PROMPT_MS);
  scene.checkAtMost("milliseconds that the event loop stood still", delays.max / 1e6, PROMPT_MS);
}

export const documentFaults: readonly Fault[] = [
  {
    name: "killed-ingestion",
    expected: "kill -9 ten times while 40 documents are taken in: index and status agree, nothing is half there",
    isSlow: true,
    limitS: 1_200,
    run: killOften,
  },
  {
    name: "long-search",
    expected: "among a million chunks, Ctrl-C and a time limit end a search at once, and nobody waits for it",
    isSlow: true,
    limitS: 1_200,
    run: searchMuch,
  },
];

if (import.meta.main) await runAlone(documentFaults.filter(({ name }) => name.includes(process.argv[2] ?? "")));
