/** A store that goes away, fills up or may not be written while it is open. Run alone: `npx node test/faults/lost-files.ts [name]`. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Batch } from "../../src/index.ts";
import { mountDisk, mountObstacle, remount } from "./support/as-root.ts";
import { Child } from "./support/child.ts";
import { integrityOf } from "./support/dump.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openGate, openIn, STORE, stopWorker } from "./support/scenery.ts";

const END_WITHIN_S = 10;
const NOBODY = 65_534;

function hasOpen(pid: number, path: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

/** Takes the file away while processes have it open, and checks that each of them ends with status 4 in time. */
async function takeAway(scene: Scene, how: "deleted" | "replaced"): Promise<void> {
  const path = scene.path(STORE);
  const milepost = await openIn(scene);
  const { id } = await milepost.submit({ pipeline: "images", items: ["a"], startAt: new Date("2100-01-01") });
  await milepost.close();
  const verbs = [["work"], ["work", "--until-idle"], ["watch", id], ["wait", id]];
  const children = verbs.map((args) => Child.milepost(scene, [...args, "--store", path]));
  await children[0]?.until(({ stderr }) => stderr.includes("working on"));
  await children[1]?.until(({ stderr }) => stderr.includes("working on"));
  await children[2]?.until(({ stdout, stderr }) => stdout.length + stderr.length > 0);
  // What waits says nothing before the end; it has begun once its process has the file open.
  while (!hasOpen(children[3]?.pid ?? 0, path)) await setImmediate();
  renameSync(path, `${path}.away`);
  if (how === "replaced") writeFileSync(path, "another file");
  const startedAt = performance.now();
  for (const [index, child] of children.entries()) {
    const { status } = await child.ended;
    scene.check(`milepost ${verbs[index]?.[0]} ${how}: exit status`, status, 4);
    scene.checkAtMost("seconds until then", Math.round((performance.now() - startedAt) / 1_000), END_WITHIN_S);
    // One that is about to read it finds no file at all.
    scene.checkText("says", child.stderr, how === "deleted" ? /was deleted|no such file/ : /was replaced/);
  }
  if (how === "replaced") scene.check("the other file is untouched", readFileSync(path, "utf8"), "another file");
  else scene.check("no new file was made", existsSync(path), false);
}

/** A worker with an item that waits for the gate; `fill` then takes the room away, `free` gives it back. */
async function fillDisk(
  scene: Scene,
  store: string,
  how: { fill: (child: Child) => void; free: (child: Child) => void },
) {
  const milepost = await openIn(scene, store);
  const items = Array.from({ length: 400 }, (_, index) => ({
    key: `item-${index}`,
    input: index < 2 ? { gate: "go" } : {},
  }));
  const { batch } = await milepost.submit({ pipeline: "work", items: items.slice(0, 2), seal: false });
  const worker = Child.script(scene, "worker.ts", [store, scene.folder, "2", "1000"]);
  await worker.until(({ stdout }) => stdout.includes("working"));
  await batch.add(items.slice(2));
  await batch.seal();
  how.fill(worker);
  openGate(scene, "go");
  await worker.until(({ stderr }) => stderr.includes("STORE_FULL"));
  scene.check("while it is full, reading works", (await batch.snapshot()).counts.total, items.length);
  scene.check("the worker lives", worker.process.exitCode, null);
  how.free(worker);
  await checkGoesOn(scene, batch, worker, items.length);
  scene.checkAtMost("lines on stderr (one a minute for each kind)", worker.stderr.trim().split("\n").length, 6);
  scene.check("verify", await milepost.verify(), []);
  await milepost.close();
  scene.check("integrity_check", integrityOf(store), "ok");
}

async function checkGoesOn(scene: Scene, batch: Batch, worker: Child, total: number): Promise<void> {
  scene.check("with room again it goes on by itself", (await batch.done()).counts, {
    ...{ total, pending: 0, processing: 0, completed: total, failed: 0, cancelled: 0 },
  });
  await stopWorker(worker);
}

const setFileLimit = (child: Child, bytes: number | "unlimited"): void => {
  execFileSync("prlimit", ["--pid", String(child.pid), `--fsize=${bytes}:`]);
};

async function fileLimit(scene: Scene): Promise<void> {
  const store = scene.path(STORE);
  await fillDisk(scene, store, {
    fill: (child) => setFileLimit(child, 8_192),
    free: (child) => setFileLimit(child, "unlimited"),
  });
}

async function fullDisk(scene: Scene): Promise<void> {
  const disk = mountDisk(scene, 4);
  const filler = join(disk, "filler");
  await fillDisk(scene, join(disk, STORE), {
    fill: () => fillUp(filler),
    free: () => rmSync(filler),
  });
}

/** Writes until nothing more fits. */
function fillUp(path: string): void {
  for (const size of [65_536, 4_096]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

/** Root becomes somebody else for this, who must be let into the folder that Node and the checkout are in. */
function otherUserObstacle(): string | null {
  if (process.getuid?.() !== 0) return null;
  const { status } = spawnSync(process.execPath, ["--version"], { uid: NOBODY, gid: NOBODY, cwd: "/" });
  return status === 0 ? null : `user ${NOBODY} may not run ${process.execPath}: the checkout lies in a private folder`;
}

async function readOnlyFile(scene: Scene): Promise<void> {
  const path = scene.path(STORE);
  const milepost = await openIn(scene);
  await milepost.submit({ pipeline: "images", items: ["a"] });
  await milepost.close();
  chmodSync(path, 0o444);
  chmodSync(scene.folder, 0o777);
  const before = readFileSync(path);
  // Root may write everything, so it becomes somebody else.
  const user = process.getuid?.() === 0 ? { user: NOBODY } : {};
  for (const verb of ["work", "status", "doctor"]) {
    const child = Child.milepost(scene, [verb, "--store", path], user);
    const { status } = await child.ended;
    scene.check(`milepost ${verb}: exit status`, status, 4);
    scene.checkText("says", child.stderr + child.stdout, /store [^\n]*permission[^\n]*check owner and permissions/i);
  }
  scene.check("the file is as it was", readFileSync(path).equals(before), true);
}

async function readOnlyDisk(scene: Scene): Promise<void> {
  const disk = mountDisk(scene, 16);
  const store = join(disk, STORE);
  const milepost = await openIn(scene, store);
  await milepost.submit({ pipeline: "images", items: ["a"] });
  await milepost.close();
  remount(disk, "ro");
  for (const verb of ["work", "status"]) {
    const child = Child.milepost(scene, [verb, "--store", store]);
    scene.check(`milepost ${verb}: exit status`, (await child.ended).status, 4);
    scene.checkText("says", child.stderr, /^milepost: store [^\n]*(read.?only|permission)[^\n]*$/i);
  }
  remount(disk, "rw");
  const again = await openIn(scene, store);
  scene.check("verify, writable again", await again.verify(), []);
}

const linuxObstacle = (): string | null =>
  process.platform === "linux" ? null : "looks into /proc, which needs Linux";
const limitObstacle = (): string | null => (existsSync("/usr/bin/prlimit") ? null : "needs prlimit of util-linux");
const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** A reader with an open snapshot keeps the log from being folded in. */
async function longReader(scene: Scene): Promise<void> {
  const milepost = await openIn(scene);
  await milepost.submit({ pipeline: "work", items: ["first"] });
  const reader = Child.script(scene, "read-long.ts", [scene.path(STORE)]);
  await reader.until(({ stdout }) => stdout.includes("reading"));
  const input = { text: "x".repeat(4_000) };
  const { batch } = await milepost.submit({
    pipeline: "work",
    items: Array.from({ length: 25_000 }, (_, index) => ({ key: `item-${index}`, input })),
  });
  const log = `${scene.path(STORE)}-wal`;
  const pinned = sizeOf(log);
  scene.checkAtMost("MiB below which the log cannot be", 64, Math.round(pinned / 1_048_576));
  const doctor = async (): Promise<string> => {
    const child = Child.milepost(scene, ["doctor", "--store", scene.path(STORE)]);
    await child.ended;
    return child.stdout;
  };
  scene.checkText("doctor while the reader reads", await doctor(), /warning .*log.*reader/i);
  reader.signal("SIGTERM");
  await reader.ended;
  await batch.checkpoint();
  await batch.cancel();
  await milepost.submit({ pipeline: "work", items: ["last"] });
  scene.checkAtMost("MiB of the log after the reader's end", sizeOf(log) / 1_048_576, 64);
  scene.check("doctor after it warns", /warning/.test(await doctor()), false);
  scene.check("verify", await milepost.verify(), []);
}

async function fewDescriptors(scene: Scene): Promise<void> {
  const { makeImages } = await import("../support/make-images.ts");
  await makeImages(scene.path("in"), { count: 30, seed: 5, minMpx: 0.05, maxMpx: 0.1 });
  const args = [
    "run",
    "images",
    "in",
    "--out",
    "out",
    "--width",
    "64",
    "--concurrency",
    "8",
    "--store",
    STORE,
    "--json",
  ];
  const child = Child.milepost(scene, args, { limits: { "-n": 64 } });
  const { status } = await child.ended;
  scene.check("exit status", status, 0);
  scene.checkText("the last line", child.stdout.trim().split("\n").at(-1) ?? "", /"completed":30/);
}

/** Where no folder can be made, and not even a permission is lacking. */
async function outputBelowProc(scene: Scene): Promise<void> {
  const { makeImages } = await import("../support/make-images.ts");
  await makeImages(scene.path("in"), { count: 1, seed: 6, minMpx: 0.05, maxMpx: 0.05 });
  const args = ["run", "images", "in", "--out", "/proc/milepost/out", "--retries", "0", "--store", STORE];
  const child = Child.milepost(scene, args);
  scene.check("exit status", (await child.ended).status, 1);
  scene.checkText("says", child.stdout, /1 failed[\s\S]*cannot write the output/);
}

export const lostFileFaults: readonly Fault[] = [
  {
    name: "file-deleted",
    expected: "deleted while open: every process ends with status 4 within 10 s",
    obstacle: linuxObstacle,
    run: (scene) => takeAway(scene, "deleted"),
  },
  {
    name: "file-replaced",
    expected: "replaced while open: every process ends with status 4 within 10 s, the other file untouched",
    obstacle: linuxObstacle,
    run: (scene) => takeAway(scene, "replaced"),
  },
  {
    name: "file-limit",
    expected: "file size limit reached: reading works, the worker waits, then goes on by itself; nothing is damaged",
    obstacle: limitObstacle,
    run: fileLimit,
  },
  {
    name: "disk-full",
    expected: "disk full: reading works, the worker waits, then goes on by itself; nothing is damaged",
    isSlow: true,
    obstacle: mountObstacle,
    run: fullDisk,
  },
  {
    name: "file-read-only",
    expected: "exit 4 with a clear line, the file untouched",
    obstacle: otherUserObstacle,
    run: readOnlyFile,
  },
  {
    name: "disk-read-only",
    expected: "a store on a disk that is read-only: exit 4 with a clear line; as it was, once writable again",
    isSlow: true,
    obstacle: mountObstacle,
    run: readOnlyDisk,
  },
  {
    name: "long-reader",
    expected: "the log grows, doctor says why; after the reader's end it is small again",
    isSlow: true,
    run: longReader,
  },
  {
    name: "output-below-proc",
    expected: "an output folder that cannot be made: the item fails with the reason, nothing hangs",
    obstacle: linuxObstacle,
    run: outputBelowProc,
  },
  { name: "few-descriptors", expected: "64 descriptors: no crash, all images made", isSlow: true, run: fewDescriptors },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(lostFileFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
