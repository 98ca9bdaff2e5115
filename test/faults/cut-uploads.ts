/** Uploads that are cut off, thousands of them. Run alone: `npx node test/faults/cut-uploads.ts`. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beginUpload, filePart, PNG } from "../server/support/raw-form.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";

const SERVER = fileURLToPath(new URL("../server/support/server-process.ts", import.meta.url));
const UPLOADS = 5_000;
const AT_ONCE = 100;
/** By then there have been as many at once as there ever will be. */
const WARM = 2_500;

/** A whole file, and one that ends in the middle: somewhere else each time. */
async function sendAndLeave(url: string, turn: number): Promise<void> {
  const socket = await beginUpload(url, ["Content-Length: 10000000"]);
  socket.on("error", () => {});
  const cut = filePart("cut.png", Buffer.concat([PNG, Buffer.alloc(turn * 37)]));
  await new Promise<void>((resolve) => socket.write(Buffer.concat([filePart("whole.png"), cut]), () => resolve()));
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
}

async function lookAt(server: ChildProcess): Promise<{ readonly bytes: number; readonly files: number }> {
  server.send("look");
  const [facts] = await once(server, "message");
  return facts as { readonly bytes: number; readonly files: number };
}

async function cutUploads(scene: Scene): Promise<void> {
  const server = fork(SERVER, [scene.path("work.db"), scene.path("files")], { execArgv: ["--expose-gc"] });
  scene.afterwards(() => server.kill("SIGKILL"));
  const [url] = (await once(server, "message")) as [string];
  let warm = await lookAt(server);
  for (let done = 0; done < UPLOADS; done += AT_ONCE) {
    if (done === WARM) warm = await lookAt(server);
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => sendAndLeave(url, (done + index) % 3_000)));
  }
  const left = (): readonly string[] => readdirSync(scene.path("files/uploads"));
  for (let looks = 0; looks < 1_000 && left().length > 0; looks++) await lookAt(server);
  scene.check("what is left of them", left(), []);
  const after = await lookAt(server);
  scene.checkAtMost("MiB more than half-way", (after.bytes - warm.bytes) / 2 ** 20, 48);
  scene.checkAtMost("files open more than half-way", after.files - warm.files, 0);
  const health = await fetch(`${url}/api/pipelines`);
  scene.check("it still answers", health.status, 200);
}

export const cutUploadFaults: readonly Fault[] = [
  {
    name: "cut-uploads",
    expected: `${UPLOADS} uploads that are cut off leave no file, and memory as it was`,
    isSlow: true,
    obstacle: () => (process.platform === "linux" ? null : "needs /proc"),
    run: cutUploads,
  },
];

if (import.meta.main) await runAlone(cutUploadFaults);
