/** Stores that are damaged or not what they should be. Run alone: `npx node test/faults/damaged-files.ts [name]`. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { MilepostError } from "../../src/core/errors.ts";
import { refuseOldSqlite } from "../../src/stores/sqlite/connection.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openIn, STORE, startWorker, stopWorker, until } from "./support/scenery.ts";
import { workOff } from "./support/work-off.ts";

const PAGE = 4_096;

/** A closed store with ended, failed and waiting items. */
async function makeStore(scene: Scene): Promise<string> {
  const path = scene.path(STORE);
  const milepost = await openIn(scene, path);
  milepost.pipeline({
    name: "work",
    attempts: 1,
    handler: ({ key }) => {
      if (key.endsWith("3")) throw new Error("broken");
    },
  });
  const keys = Array.from({ length: 300 }, (_, index) => `photos/holiday/image-${index}`);
  const worker = await milepost.work({ concurrency: 4 });
  await (await milepost.submit({ pipeline: "work", items: keys })).batch.done();
  await worker.stop();
  await milepost.submit({ pipeline: "work", items: keys });
  await milepost.close();
  return path;
}

/** Runs a verb on the store and checks that it refuses: status 4, one clear line, the file as it was. */
async function checkRefused(scene: Scene, path: string, line: RegExp): Promise<void> {
  const before = readFileSync(path);
  for (const verb of ["status", "work"]) {
    const child = Child.milepost(scene, [verb, "--store", path]);
    const { status } = await child.ended;
    scene.check(`milepost ${verb}: exit status`, status, 4);
    scene.checkText(`milepost ${verb}: says on stderr, in one line`, child.stderr, line);
  }
  scene.check("the file is as it was", readFileSync(path).equals(before), true);
}

async function corruptPage(scene: Scene): Promise<void> {
  const path = await makeStore(scene);
  const sound = readFileSync(path);
  writeFileSync(path, withBadPage(sound, 2));
  await checkRefused(scene, path, /^milepost: store .*(malformed|damaged|corrupt)[^\n]*backup[^\n]*$/i);
}

async function corruptAnyPage(scene: Scene): Promise<void> {
  const path = await makeStore(scene);
  const sound = readFileSync(path);
  const answers: Record<string, number> = {};
  for (let page = 1; page <= sound.length / PAGE; page++) {
    const copy = scene.path(`page-${page}.db`);
    writeFileSync(copy, withBadPage(sound, page));
    const answer = await answerOf(copy);
    answers[answer] = (answers[answer] ?? 0) + 1;
    if (answer === "not noticed") scene.check(`page ${page} of 0xff`, answer, "refused at start, or found by verify");
  }
  scene.checkText("answers, by page", JSON.stringify(answers), /refused at start/);
}

function withBadPage(file: Buffer, page: number): Buffer {
  const copy = Buffer.from(file);
  copy.fill(0xff, (page - 1) * PAGE, page * PAGE);
  return copy;
}

async function answerOf(path: string): Promise<string> {
  try {
    const { findings, unsound } = await workOff(path, "work");
    return findings.length > 0 || unsound.length > 0 ? "found by verify" : "not noticed";
  } catch (error) {
    if (error instanceof MilepostError && (error.code === "STORE_CORRUPT" || error.code === "STORE_UNSUPPORTED")) {
      return error.message.includes("Expected") ? "refused at start" : error.code;
    }
    return String(error);
  }
}

async function otherFiles(scene: Scene): Promise<void> {
  const text = scene.path("notes.txt");
  writeFileSync(text, "this is no database, but it is long enough to be looked at as one\n".repeat(100));
  await checkRefused(scene, text, /^milepost: store [^\n]*not a database[^\n]*$/);
  const newer = await makeStore(scene);
  const db = new DatabaseSync(newer);
  db.exec("INSERT INTO migrations VALUES (99, 'future', 'x', 0)");
  db.close();
  await checkRefused(scene, newer, /^milepost: [^\n]*newer[^\n]*Update Milepost[^\n]*$/);
}

async function oldSqlite(scene: Scene): Promise<void> {
  for (const version of ["3.7.0", "3.50.9", "3.51.2"]) {
    let found = "accepted";
    try {
      refuseOldSqlite(version);
    } catch (error) {
      found = error instanceof MilepostError ? error.code : String(error);
    }
    scene.check(`SQLite ${version}`, found, "STORE_UNSUPPORTED");
  }
  for (const version of ["3.51.3", "3.52.0", "4.0.0"]) refuseOldSqlite(version);
  scene.check("SQLite of this Node", refuseOldSqlite(), undefined);
}

/** Runs a worker until some items are done, and kills it while it works. */
async function killMidway(scene: Scene, beforeKill: () => void = () => {}): Promise<void> {
  const milepost = await openIn(scene);
  const items = Array.from({ length: 3_000 }, (_, index) => ({ key: `image-${index}`, input: {} }));
  const { batch } = await milepost.submit({ pipeline: "work", items });
  const worker = await startWorker(scene, { concurrency: 2 });
  await until(batch, ({ counts }) => counts.completed > 100);
  beforeKill();
  worker.signal("SIGKILL");
  await worker.ended;
  await milepost.close();
}

async function checkGoesOn(scene: Scene, path: string): Promise<void> {
  let found: string;
  try {
    const { findings, unsound } = await workOff(path, "work");
    found =
      findings.length + unsound.length === 0 ? "sound: ends with exact counts" : JSON.stringify({ findings, unsound });
  } catch (error) {
    found = error instanceof MilepostError && error.code === "STORE_CORRUPT" ? "refused" : String(error);
  }
  scene.checkText("the store", found, /^(refused|sound)/);
}

/** A copy by another process: to open and close the file in this one would drop the locks of SQLite on it. */
function copyApart(from: string, to: string): void {
  execFileSync("cp", [from, to]);
}

async function deletedLog(scene: Scene): Promise<void> {
  const path = scene.path(STORE);
  const copy = scene.path("copy.db");
  // As the killed worker leaves it: the engine of this process closes its own connection later, which would fold the log in.
  await killMidway(scene, () => copyApart(path, copy));
  copyFileSync(copy, scene.path("without-log.db"));
  await checkGoesOn(scene, scene.path("without-log.db"));
}

async function hotCopies(scene: Scene): Promise<void> {
  const milepost = await openIn(scene);
  const worker = await startWorker(scene, { concurrency: 4 });
  for (let copy = 0; copy < 12; copy++) {
    const items = Array.from({ length: 4_000 }, (_, index) => ({ key: `image-${index}`, input: {} }));
    const { batch } = await milepost.submit({ pipeline: "work", items });
    await until(batch, ({ counts }) => counts.completed > 200 * copy);
    copyApart(scene.path(STORE), scene.path(`copy-${copy}.db`));
    await batch.done();
  }
  await stopWorker(worker);
  for (let copy = 0; copy < 12; copy++) await checkGoesOn(scene, scene.path(`copy-${copy}.db`));
}

async function migrationRace(scene: Scene): Promise<void> {
  rmSync(scene.path(STORE), { force: true });
  const workers = await Promise.all(Array.from({ length: 4 }, () => startWorker(scene)));
  const db = new DatabaseSync(scene.path(STORE));
  const numbers = db
    .prepare("SELECT number FROM migrations ORDER BY number")
    .all()
    .map(({ number }) => number);
  db.close();
  scene.check(
    "migrations applied",
    numbers,
    numbers.map((_, index) => index + 1),
  );
  const milepost = await openIn(scene);
  const { batch } = await milepost.submit({
    pipeline: "work",
    items: Array.from({ length: 40 }, (_, index) => ({ key: `${index}`, input: {} })),
  });
  scene.check("they share the work", (await batch.done()).counts.completed, 40);
  await Promise.all(workers.map(stopWorker));
  scene.check("verify", await milepost.verify(), []);
}

export const damagedFileFaults: readonly Fault[] = [
  { name: "corrupt-page", expected: "page 2 of 0xff: exit 4, one clear line, the file untouched", run: corruptPage },
  {
    name: "corrupt-any-page",
    expected: "each page of 0xff in turn: refused, or found by verify; never unnoticed",
    isSlow: true,
    run: corruptAnyPage,
  },
  {
    name: "other-files",
    expected: "a text file, a newer schema: exit 4, one clear line, the file untouched",
    run: otherFiles,
  },
  { name: "old-sqlite", expected: "SQLite before 3.51.3 is refused", run: oldSqlite },
  {
    name: "migration-race",
    expected: "four processes make the store at once: one schema, all work",
    run: migrationRace,
  },
  {
    name: "deleted-log",
    expected: "the log is gone after a kill -9: refused, or an older state that is sound and goes on",
    run: deletedLog,
  },
  {
    name: "hot-copies",
    expected: "copies of the file alone while it is written: refused, or sound",
    isSlow: true,
    run: hotCopies,
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(damagedFileFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
