/**
 * A cluster of real processes on a real PostgreSQL, under faults drawn by a seed, and what must hold at its end:
 *
 *   npx node test/faults/cluster.ts [--items 20000] [--images 200] [--item-ms 100] [--seconds 60] [--seed 1] [--workers 4] [--servers 2]
 *
 * `--full` stands for a million items that do nothing and 20,000 images. The faults go on for `--seconds`, or until the work is done.
 * Ctrl-C ends everything that was started.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { liveThrough } from "./cluster/live-through.ts";
import { Scene } from "./support/fault.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "20000" },
    images: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    "item-ms": { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "4" },
    servers: { type: "string", default: "2" },
    concurrency: { type: "string", default: "50" },
    full: { type: "boolean", default: false },
  },
});
const whole = (name: Exclude<keyof typeof values, "full">): number => {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 0) return number;
  console.error(`--${name} must be a whole number; found ${values[name]}`);
  process.exit(2);
};
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

const scene = new Scene(({ what, expected, found, isRight }) => {
  if (isRight) console.log(`  ok     ${what}: ${JSON.stringify(found)}`);
  else
    console.log(
      `  WRONG  ${what}\n         expected ${JSON.stringify(expected)}\n         found    ${JSON.stringify(found)}`,
    );
});
// PostgreSQL's package ends the process on a signal as soon as its server has stopped.
process.once("exit", () => rmSync(scene.folder, { recursive: true, force: true }));
try {
  await liveThrough(scene, {
    items: values.full ? 1_000_000 : whole("items"),
    images: values.full ? 20_000 : whole("images"),
    itemMs: values.full ? 0 : whole("item-ms"),
    faultsMs: values.full ? Number.POSITIVE_INFINITY : whole("seconds") * 1_000,
    seed: whole("seed"),
    workers: whole("workers"),
    servers: whole("servers"),
    concurrency: whole("concurrency"),
    signal: interrupted.signal,
    tell: (line) => console.log(line),
  });
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  console.log("interrupted");
  process.exitCode = 130;
} finally {
  await scene[Symbol.asyncDispose]();
}
if (scene.checks.some(({ isRight }) => !isRight)) process.exitCode = 1;
