/** Errors that nobody catches, inside the command line. Run alone: `npx node test/faults/uncaught-errors.ts [name]`. */
import { copyFileSync, readdirSync } from "node:fs";
import { makeImages } from "../support/make-images.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openIn, STORE, until } from "./support/scenery.ts";

const IMAGES = 80;
const PRELOAD = new URL("./support/throw-on-signal.ts", import.meta.url).href;

async function throwInRun(scene: Scene, fault: string): Promise<void> {
  await makeImages(scene.path("in"), { count: 1, seed: 4, minMpx: 1.5, maxMpx: 1.5 });
  const [name = ""] = readdirSync(scene.path("in"));
  for (let copy = 1; copy < IMAGES; copy++) copyFileSync(scene.path(`in/${name}`), scene.path(`in/${copy}-${name}`));
  const args = ["run", "images", "in", "--out", "out", "--width", "64", "--name", "photos", "--store", STORE];
  const milepost = await openIn(scene);
  const run = Child.milepost(scene, [...args, "--concurrency", "2"], {
    nodeArgs: ["--import", PRELOAD],
    env: { FAULT: fault },
  });
  await run.until(({ stderr }) => stderr.includes("photos"));
  await until(milepost.batch("photos"), ({ counts }) => counts.completed > 0);
  run.signal("SIGUSR2");
  scene.check("exit status", (await run.ended).status, 1);
  scene.checkText("says", run.stderr, new RegExp(`an error that nobody caught .*${fault}`));
  const { counts } = await milepost.batch("photos").snapshot();
  scene.check("it stopped before the end", counts.pending > 0, true);
  scene.check(
    "nothing is held: sessions, items that count as running",
    [(await milepost.workers()).length, counts.processing],
    [0, 0],
  );
  const again = Child.milepost(scene, args);
  scene.check("the same command again", (await again.ended).status, 0);
  scene.check("no item was lost", readdirSync(scene.path("out")).length, IMAGES);
  const { items } = await milepost.batch("photos").items({ limit: 1_000 });
  scene.check("crashes counted against items", items.filter(({ crashes }) => crashes > 0).length, 0);
  scene.check("verify", await milepost.verify(), []);
}

export const uncaughtErrorFaults: readonly Fault[] = ["timer-throw", "unhandled", "emitter"].map((fault, index) => ({
  name: `cli-${fault}`,
  expected: "one line, nothing more is started, leases are given back, exit status 1; the same command goes on",
  isSlow: index > 0,
  run: (scene) => throwInRun(scene, fault),
}));

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(uncaughtErrorFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
