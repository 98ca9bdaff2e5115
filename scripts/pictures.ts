/**
 * `npx node scripts/pictures.ts`: makes the pictures of the dashboard in `docs/pictures`. A server is started, real images and documents
 * are sent in and worked on, some of them broken, and the pages are taken while it runs.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import chromium from "@sparticuz/chromium";
import { type Page, chromium as playwright } from "playwright-core";
import sharp from "sharp";
import { makeImages } from "../examples/make-images.ts";
import { createClient } from "../src/client/client.ts";
import { openMilepost } from "../src/index.ts";
import { documentsPipeline } from "../src/pipelines/documents/documents-pipeline.ts";
import { imagesPipeline } from "../src/pipelines/images/images-pipeline.ts";
import { createServer } from "../src/server/server.ts";
import { buildWeb } from "./build-web.ts";

const WIDTH = 1280;
const HEIGHTS = { overview: 560, batch: 760 } as const;
const THEMES = ["light", "dark"] as const;
const TOKEN = "the-token-of-the-pictures";
const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "docs/http.md", "docs/documents.md", "docs/exports.md"];
const PHOTOS = 12;
const COPIES = 40;
const UNWANTED = ["--single-process", "--disable-web-security", "--allow-running-insecure-content"];

const root = fileURLToPath(new URL("..", import.meta.url));
const pictures = join(root, "docs", "pictures");
const folder = mkdtempSync(join(tmpdir(), "milepost-pictures-"));
try {
  await takePictures();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function takePictures(): Promise<void> {
  const dashboard = join(folder, "web");
  await buildWeb(dashboard, { isCompressed: false });
  await using milepost = await openMilepost(join(folder, "work.db"));
  milepost.pipeline(imagesPipeline());
  milepost.pipeline(documentsPipeline());
  await using server = await createServer(milepost, { files: join(folder, "files"), port: 0, token: TOKEN, dashboard });
  const url = await server.listen();
  const client = createClient({ url, token: TOKEN });
  const photos = await makePhotos();

  await client.documents.upload(DOCUMENTS.map((path) => new File([readFileSync(join(root, path))], path)));
  const send = async (name: string, files: readonly File[], options: object): Promise<string> => {
    const uploaded = await client.upload(files);
    const fileIds = uploaded.files.map(({ fileId }) => fileId);
    return (await client.processBatch({ fileIds, name, pipeline: "images", options: { ...options } })).batchId;
  };
  await send("thumbnails", photos.slice(0, 60), { width: 160 });
  await milepost.work({ concurrency: 2 });
  await milepost.batch("thumbnails").done();
  const running = await send("holiday 2026", photos, { width: 1600, format: "webp" });
  const waiting = await send("catalogue", photos.slice(0, 200), { width: 800, format: "avif" });
  await milepost.batch(waiting).setPriority("low");

  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: chromium.args.filter((arg) => !UNWANTED.includes(arg)),
  });
  mkdirSync(pictures, { recursive: true });
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: WIDTH, height: HEIGHTS.batch },
    locale: "en-GB",
  });
  await context.addInitScript(`sessionStorage.setItem("milepost-token", ${JSON.stringify(TOKEN)})`);
  const overview = await context.newPage();
  await overview.goto("/");
  const batch = await context.newPage();
  await batch.goto(`/batches/${running}`);
  for await (const { percent } of milepost.batch(running).watch()) if ((percent ?? 0) >= 45) break;
  for (const [name, page] of [
    ["overview", overview],
    ["batch", batch],
  ] as const)
    await take(page, name);
  await browser.close();
  await milepost.queue("images").stop();
}

async function take(page: Page, name: keyof typeof HEIGHTS): Promise<void> {
  await page.bringToFront();
  await page.setViewportSize({ width: WIDTH, height: HEIGHTS[name] });
  await page.getByText("Live", { exact: true }).waitFor();
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const picture = await page.screenshot();
    await sharp(picture)
      .png({ palette: true, colours: 128, effort: 10 })
      .toFile(join(pictures, `${name}-${colorScheme}.png`));
  }
}

/** Many photos of a few, and here and there one that broke off on its way. */
async function makePhotos(): Promise<readonly File[]> {
  const made = join(folder, "photos");
  await makeImages(made, { count: PHOTOS, maxMpx: 2 });
  const contents = readdirSync(made).map((name) => ({ name, content: readFileSync(join(made, name)) }));
  return Array.from({ length: contents.length * COPIES }, (_, index) => {
    const { name, content } = contents[index % contents.length] ?? { name: "", content: Buffer.alloc(0) };
    const ending = name.split(".").at(-1) ?? "";
    const part = index % 97 === 30 ? content.subarray(0, content.length / 2) : content;
    return new File([new Uint8Array(part)], `DSC_${String(index + 4_001).padStart(5, "0")}.${ending}`);
  });
}
