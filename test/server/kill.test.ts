import { type ChildProcess, fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { uploadedSchema } from "../../src/wire/uploads.ts";
import { smallPicture } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { beginUpload, filePart, PNG } from "./support/raw-form.ts";
import { startServer } from "./support/start-server.ts";

const PROCESS = fileURLToPath(new URL("./support/server-process.ts", import.meta.url));
const CLIENTS = 4;

async function startProcess(
  store: string,
  files: string,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(PROCESS, [store, files], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const url = await new Promise<string>((resolve, reject) => {
    child.once("message", (message) => resolve(String(message)));
    child.once("exit", (status) => reject(new Error(`the server ended with ${status}`)));
  });
  return { child, url };
}

/** What one page was told to be done, by a server that may be killed at any moment. */
interface Told {
  readonly page: Browser;
  readonly uploads: Map<string, Buffer>;
  /** Batches and how many files they were made of. */
  readonly batches: Map<string, number>;
}

/** Uploads and makes batches until the server is gone. */
async function keepBusy(told: Told, onAnswer: () => void): Promise<void> {
  const picture = await smallPicture().png().toBuffer();
  for (let turn = 0; ; turn++) {
    const files = Array.from({ length: 1 + (turn % 4) }, (_, index) =>
      Buffer.concat([picture, Buffer.alloc(1 + index * 30_000 + turn)]),
    );
    const form = new FormData();
    for (const [index, data] of files.entries()) form.append("files", new Blob([data]), `${turn}-${index}.png`);
    const uploaded = await told.page.fetch("/api/uploads", { method: "POST", body: form });
    const { files: stored } = uploadedSchema.parse(await uploaded.json());
    for (const [index, { fileId }] of stored.entries()) told.uploads.set(fileId, files[index] ?? Buffer.alloc(0));
    onAnswer();
    const accepted = await told.page.post("/api/process-batch", {
      fileIds: stored.map(({ fileId }) => fileId),
      ...(turn % 2 === 1 && { name: `of ${turn}` }),
    });
    const { batchId } = (await accepted.json()) as { batchId: string };
    told.batches.set(batchId, stored.length);
    onAnswer();
  }
}

test("a server that is killed loses nothing that it acknowledged, and leaves no half of anything", {
  timeout: 60_000,
}, async () => {
  const folder = temporaryFolder();
  const [store, files] = [join(folder, "work.db"), join(folder, "files")];
  let url = "";
  const pages: readonly Told[] = Array.from({ length: CLIENTS }, () => ({
    page: new Browser({ fetch: (path, init) => fetch(new URL(path, url), init) }),
    uploads: new Map(),
    batches: new Map(),
  }));
  for (const killAfter of [1, 7, 20]) {
    const started = await startProcess(store, files);
    url = started.url;
    // One that will be in the middle of a file when the end comes.
    const cut = await beginUpload(url, ["Content-Length: 1000000"]);
    cut.on("error", () => {}).write(filePart("cut.png", Buffer.concat([PNG, Buffer.alloc(50_000)])).subarray(0, -2));
    let answers = 0;
    const gone = new Promise<void>((resolve) => started.child.once("exit", () => resolve()));
    const onAnswer = (): void => {
      answers += 1;
      if (answers === killAfter) started.child.kill("SIGKILL");
    };
    await Promise.all([gone, ...pages.map((told) => keepBusy(told, onAnswer).catch(() => {}))]);
    cut.destroy();
  }

  const milepost = await openMilepost(store, { logger: SILENT });
  onTestFinished(() => milepost.close());
  const server = await startServer({ milepost, files });
  url = server.url;
  for (const { page, uploads, batches } of pages) {
    for (const [fileId, data] of uploads) {
      expect(readFileSync(join(files, "uploads", fileId, "data")).equals(data)).toBe(true);
    }
    for (const [batchId, total] of batches) {
      const answer = await page.fetch(`/api/batch-status/${batchId}`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ progress: { total } });
    }
  }
  // Batches and folders of both are the same, whether or not their page was told; whole, with what they need and no more.
  const { batches } = await milepost.batches({ limit: 1_000 });
  expect(readdirSync(join(files, "batches")).sort()).toEqual(batches.map(({ id }) => id).sort());
  for (const { id, isSealed } of batches) {
    expect(isSealed).toBe(true);
    const { items } = await milepost.batch(id).items({ limit: 1_000 });
    const inputs = readdirSync(join(files, "batches", id, "in"));
    expect(inputs.sort()).toEqual(items.map(({ key }) => `${key}.png`).sort());
    expect(readdirSync(join(files, "batches", id)).sort()).toEqual(["in", "out"]);
  }
  for (const name of readdirSync(join(files, "uploads"))) {
    expect(readdirSync(join(files, "uploads", name)).sort()).toEqual(["data", "meta.json"]);
  }
  expect(await milepost.verify()).toEqual([]);
});
