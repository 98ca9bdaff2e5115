/**
 * `npm run demo`: makes some photos in `demo/photos` if there are none, converts them with the real command line and its
 * live screen, and says what to try next.
 */
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { makeImages } from "./make-images.ts";

const PHOTOS = 48;
const root = fileURLToPath(new URL("..", import.meta.url));
const photos = join(root, "demo", "photos");

/** Makes the photos; an interrupt leaves whole files only, and the next run makes the rest. */
async function makePhotos(): Promise<boolean> {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once("SIGINT", stop);
  try {
    const { made } = await makeImages(photos, {
      count: PHOTOS,
      maxMpx: 8,
      signal: abort.signal,
      onProgress: (done, total) => {
        if (process.stderr.isTTY) process.stderr.write(`\rmaking photos for the demo: ${done} of ${total}`);
      },
    });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    if (made > 0) console.error(`made ${made} photos in ${relative(process.cwd(), photos) || photos}`);
    return true;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    console.error("\ninterrupted; the next `npm run demo` makes the rest");
    return false;
  } finally {
    process.off("SIGINT", stop);
  }
}

/** Runs the command line as a person would, on this terminal, and returns its exit status. */
function runMilepost(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(root, "bin", "milepost.js"), ...args], { cwd: root, stdio: "inherit" });
  // A Ctrl-C reaches the child as well, which stops cleanly and says how to go on: wait for that.
  const ignore = (): void => {};
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", ignore);
  process.on("SIGTERM", pass);
  return new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", pass);
  });
}

async function demo(): Promise<number> {
  if (!(await makePhotos())) return 130;
  const out = await mkdtemp(join(tmpdir(), "milepost-demo-"));
  // Each demo is a batch of its own: the name is that of its folder.
  const name = basename(out).replace("milepost-", "");
  const command = ["run", "images", "demo/photos", "--out", out, "--width", "1280", "--format", "webp", "--name", name];
  const status = await runMilepost(command);
  if (status !== 0) return status;
  const store = process.env.MILEPOST_STORE ?? join(root, ".milepost", "milepost.db");
  console.log(`
The images are in ${out}
The store is      ${store}

Try next, in ${root}:
  npx milepost list                    every batch
  npx milepost status ${name}      exact counts and time left (--json for programs)
  npx milepost items ${name}       each image, its state and output
  npx milepost watch ${name}       the live screen of a batch, from a second terminal
  npx milepost --help                  pause, resume, stop, cancel, retry, priority, hold and the rest
  npx milepost ${command.join(" ")}
                                       the same again: what is done is not done twice`);
  return 0;
}

process.exitCode = await demo();
