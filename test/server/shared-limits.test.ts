import { type ChildProcess, fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { smallPicture } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { Browser, type FormFile } from "./support/browser.ts";
import { beginUpload, filePart, PNG } from "./support/raw-form.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const MIB = 1_048_576;
const PROCESS = fileURLToPath(new URL("./support/server-process.ts", import.meta.url));

function fileOf(bytes: number): FormFile {
  return { name: "a.png", data: new Uint8Array(Buffer.concat([PNG, Buffer.alloc(bytes - PNG.length)])) };
}

/** Two servers of one folder, and one session at both. */
async function twoServers(sessionBytes: number) {
  const one = await startServer({ limits: { sessionBytes } });
  const other = await startServer({ milepost: one.milepost, files: one.files, limits: { sessionBytes } });
  const page = new Browser(one);
  await page.uploaded([fileOf(PNG.length)]);
  return { one, other, page, onOther: pageOn(other, page) };
}

/** The session of a page, at another server. */
function pageOn(server: Pick<TestServer, "fetch">, { cookie }: Browser): Browser {
  return new Browser({
    fetch: (path, init) => server.fetch(path, { ...init, headers: { ...(init?.headers as object), cookie } }),
  });
}

/** Sends so much of a file, and then nothing more. */
async function beginFile(url: string, { cookie }: Browser, bytes: number): Promise<Socket> {
  const socket = await beginUpload(url, [`Cookie: ${cookie}`, "Transfer-Encoding: chunked"]);
  onTestFinished(() => void socket.destroy());
  const data = filePart("a.png", Buffer.concat([PNG, Buffer.alloc(bytes)])).subarray(0, -2);
  socket.on("error", () => {}).write(`${data.length.toString(16)}\r\n`);
  socket.write(data);
  return socket;
}

/** Waits until a server has told the others of a file of at least so many bytes. */
async function untilTold(files: string, bytes: number): Promise<void> {
  const folder = join(files, "holdings");
  const lines = (): readonly string[] =>
    readdirSync(folder).flatMap((day) =>
      readdirSync(join(folder, day)).flatMap((name) => readFileSync(join(folder, day, name), "utf8").split("\n")),
    );
  await expect
    .poll(() => lines().some((line) => Number(line.split(" ")[1]) >= bytes), { interval: 5, timeout: 10_000 })
    .toBe(true);
}

test("what a session sent in at one server counts at the other, and what it removes there no more", async () => {
  const { page, onOther } = await twoServers(300_000);
  const [fileId] = await page.uploaded([fileOf(200_000)]);
  expect((await onOther.upload([fileOf(100_000)])).status).toBe(413);
  expect((await onOther.fetch(`/api/uploads/${fileId}`, { method: "DELETE" })).status).toBe(204);
  expect((await page.upload([fileOf(250_000)])).status).toBe(201);
  expect((await onOther.upload([fileOf(100_000)])).status).toBe(413);
});

test("of what comes to both at one moment no more is kept than a session may have", async () => {
  const { page, onOther, one } = await twoServers(1_000_000);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? page : onOther).upload([fileOf(99_000)])),
  );
  const taken = answers.filter(({ status }) => status === 201).length;
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 413]));
  expect([taken > 0, taken <= 10]).toEqual([true, true]);
  expect(readdirSync(join(one.files, "uploads"))).toHaveLength(taken + 1);
  // What was refused counts nowhere.
  for (let left = 10 - taken; left > 0; left--) expect((await onOther.upload([fileOf(99_000)])).status).toBe(201);
  for (const each of [page, onOther]) expect((await each.upload([fileOf(99_000)])).status).toBe(413);
});

test("what batches of one server made counts at the other", async () => {
  const { one, page, onOther } = await twoServers(15_000);
  one.milepost.pipeline(imagesPipeline());
  await one.milepost.work({ concurrency: 1 });
  const picture = { name: "a.png", data: new Uint8Array(await smallPicture().png().toBuffer()) };
  const fileIds = await page.uploaded([picture]);
  const options = { width: 1_000, withoutEnlargement: false, format: "png" };
  const { batchId } = (await (await page.post("/api/process-batch", { fileIds, options })).json()) as {
    readonly batchId: string;
  };
  await one.milepost.batch(batchId).done();
  expect((await onOther.upload([picture])).status).toBe(413);
});

test("a file on its way in at one server counts at others, those that begin later too, until its client leaves", async () => {
  const { one, page, onOther } = await twoServers(10 * MIB);
  const socket = await beginFile(one.url, page, 9 * MIB);
  await untilTold(one.files, 8 * MIB);
  const { milepost, files } = one;
  const later = await startServer({ milepost, files, limits: { sessionBytes: 10 * MIB } });
  for (const each of [onOther, pageOn(later, page)]) expect((await each.upload([fileOf(3 * MIB)])).status).toBe(413);
  socket.destroy();
  await expect.poll(async () => (await onOther.upload([fileOf(3 * MIB)])).status, { timeout: 10_000 }).toBe(201);
});

test("a server that would count anew too seldom is refused", async () => {
  const limits = { sweepEveryMs: 43_200_001 };
  await expect(startServer({ limits })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("sweepEveryMs"),
  });
});

test("what a killed server was taking in counts until the next sweep of another one, and no longer", {
  timeout: 30_000,
}, async () => {
  const folder = temporaryFolder();
  const [store, files] = [join(folder, "work.db"), join(folder, "files")];
  const { child, url } = await startProcess(store, files);
  const milepost = await openMilepost(store, { logger: SILENT });
  onTestFinished(() => milepost.close());
  const limits = { sessionBytes: 10 * MIB };
  const seldom = await startServer({ milepost, files, limits });
  const page = new Browser({ fetch: (path, init) => fetch(new URL(path, url), init) });
  await page.uploaded([fileOf(PNG.length)]);
  await beginFile(url, page, 9 * MIB);
  await untilTold(files, 8 * MIB);
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await gone;
  expect((await pageOn(seldom, page).upload([fileOf(3 * MIB)])).status).toBe(413);
  const fresh = pageOn(await startServer({ milepost, files, limits }), page);
  expect((await fresh.upload([fileOf(3 * MIB)])).status).toBe(201);
  // It has heard of what came meanwhile, and of nothing more than that.
  expect((await fresh.upload([fileOf(6 * MIB)])).status).toBe(201);
  expect((await fresh.upload([fileOf(2 * MIB)])).status).toBe(413);
});

async function startProcess(store: string, files: string) {
  const child: ChildProcess = fork(PROCESS, [store, files], {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const url = await new Promise<string>((resolve) => child.once("message", (message) => resolve(String(message))));
  return { child, url };
}
