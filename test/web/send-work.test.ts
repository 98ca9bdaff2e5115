import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { documentsPipeline } from "../../src/pipelines/documents/documents-pipeline.ts";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { karaokePipeline } from "../../src/pipelines/karaoke/karaoke-pipeline.ts";
import { startServer } from "../server/support/start-server.ts";
import { toWav } from "../support/karaoke-songs.ts";
import { makePdf } from "../support/make-documents.ts";
import { smallPicture } from "../support/make-images.ts";
import { openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";
import { axeViolations } from "./support/axe.ts";
import { type BuiltDashboard, buildDashboard, visit } from "./support/dashboard.ts";
import { openBrowser } from "./support/open-browser.ts";

let browser: Browser;
let dashboard: BuiltDashboard;

beforeAll(async () => {
  [browser, dashboard] = await Promise.all([openBrowser(), buildDashboard()]);
});

afterAll(async () => {
  await browser.close();
  dashboard.remove();
});

/** What axe finds wrong in either theme, as wide as a desk's screen and as a phone's. */
async function violationsEverywhere(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const width of [390, 1_440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const one of await axeViolations(page)) found.push(`${width} ${colorScheme} ${one}`);
    }
  }
  return found;
}

interface Dropped {
  readonly name: string;
  readonly content: Buffer;
}

/** Drops files on the page as a person does. */
async function dropFiles(page: Page, files: readonly Dropped[]): Promise<void> {
  const given = files.map(({ name, content }) => ({ name, text: content.toString("base64") }));
  await page.evaluate(`{
    const data = new DataTransfer();
    for (const { name, text } of ${JSON.stringify(given)}) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name, { type: name.endsWith(".png") ? "image/png" : "" }));
    }
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }`);
}

test("images are dropped, refusals are told where they belong, and the batch is watched to its end", async () => {
  const milepost = await openForTest("memory");
  milepost.pipeline(imagesPipeline());
  await milepost.work({ concurrency: 2 });
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const { page, complaints } = await visit(browser, url);
  await page.goto("/");
  await page.getByRole("link", { name: "New work" }).click();
  await page.getByRole("radio", { name: /Documents/ }).waitFor();
  const png = await smallPicture().png().toBuffer();
  await dropFiles(page, [
    { name: "beach.png", content: png },
    { name: "not-a-picture.png", content: Buffer.from([0, 1, 2, 3]) },
    { name: "hills.png", content: png },
  ]);
  await expect.poll(() => page.getByRole("radio", { name: /Images/ }).isChecked()).toBe(true);
  await page.getByLabel("Width").fill("0.5");
  await page.getByText("It must be a whole number from 1 to 10000.").waitFor();
  expect(await page.getByRole("button", { name: "Start" }).isDisabled()).toBe(true);
  await page.getByLabel("Width").fill("16");
  await page.getByLabel("Name", { exact: true }).fill("holiday");
  await page.getByRole("button", { name: "Start" }).click();
  const refused = page.getByRole("listitem").filter({ hasText: "not-a-picture.png" });
  await refused.getByText("That kind of content is not accepted").waitFor();
  await page.getByRole("button", { name: "Start without them" }).click();
  await page.getByRole("heading", { level: 1, name: "holiday" }).waitFor();
  expect(new URL(page.url()).pathname).toMatch(/^\/batches\//);
  await page.getByText("completed", { exact: true }).first().waitFor();
  await page.getByRole("link", { name: "beach.png", exact: true }).click();
  await page.getByRole("dialog").getByRole("img", { name: "Output of beach.png" }).waitFor();
  await expect.poll(() => page.evaluate("document.querySelector('dialog img').naturalWidth")).toBe(16);

  const other = await visit(browser, url);
  for (const path of ["/", "/documents", "/exports"]) {
    await other.page.goto(path);
    await other.page.getByRole("heading", { name: /Nothing has been sent in yet|There are no/ }).waitFor();
  }
  expect([...complaints, ...other.complaints]).toEqual([]);
});

async function ownerOfFile(milepost: Milepost, filename: string): Promise<string> {
  const { batches } = await milepost.batches({ limit: 10 });
  for (const { id, owner } of batches) {
    const { items } = await milepost.batch(id).items({ limit: 10 });
    if (items.some(({ name }) => name === filename)) return owner;
  }
  throw new Error(`nobody has ${filename}`);
}

test("documents that are dropped in the library are found by what is in them, by their owner alone", async () => {
  const milepost = await openForTest("memory");
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 2 });
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const { page, complaints } = await visit(browser, url);
  const other = await visit(browser, url);
  const { bytes, sentences } = await makePdf({ seed: 7, pages: 3 });
  const wanted = sentences[1]?.text ?? "";
  for (const [visitor, name, buffer] of [
    [page, "paper.pdf", bytes],
    [other.page, "tides.md", Buffer.from("# Tides\n\nTidal energy comes twice a day.\n")],
  ] as const) {
    await visitor.goto("/documents");
    await visitor.getByLabel("Choose files").setInputFiles({ name, mimeType: "", buffer });
  }
  await page.getByRole("listitem").filter({ hasText: "paper.pdf" }).getByText("completed").waitFor();
  await other.page.getByRole("listitem").filter({ hasText: "tides.md" }).getByText("completed").waitFor();
  await page.getByLabel("Search in documents").fill(wanted);
  const hit = page.getByRole("list", { name: "Places found" }).getByRole("listitem").first();
  await hit.getByText("page 2").waitFor();
  expect(await hit.locator("mark").count()).toBeGreaterThan(3);
  await expect.poll(() => page.evaluate("document.querySelector('.hit img').naturalWidth")).toBeGreaterThan(100);
  expect(await violationsEverywhere(page)).toEqual([]);
  await hit.getByRole("link").click();
  await page.getByRole("img", { name: "Page 2" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.getByRole("button", { name: "Next page" }).click();
  await page.getByRole("img", { name: "Page 3" }).waitFor();
  expect(await page.getByRole("button", { name: "Next page" }).isDisabled()).toBe(true);
  await page.reload();
  await page.getByRole("img", { name: "Page 3" }).waitFor();

  await other.page.getByLabel("Search in documents").fill(wanted);
  await other.page
    .getByText(/Nothing was found|places?$/)
    .first()
    .waitFor();
  expect(await other.page.getByText("paper.pdf").count()).toBe(0);
  await other.page.goto("/");
  await other.page.getByRole("table", { name: "Batches" }).getByRole("link").click();
  await other.page.getByRole("link", { name: "Search in documents" }).press("Enter");
  await other.page.getByRole("link", { name: "tides.md" }).waitFor();

  const operator = await visit(browser, url, { isOperator: true });
  await operator.page.goto("/documents");
  await operator.page.getByRole("link", { name: "tides.md" }).waitFor();
  await operator.page.getByRole("link", { name: "paper.pdf" }).click();
  await operator.page.getByText(/Choose whose it is to see it/).waitFor();
  await operator.page.getByLabel("Close").click();
  const owner = await ownerOfFile(milepost, "paper.pdf");
  await operator.page.getByLabel("Whose documents").selectOption({ value: `of ${owner}` });
  await expect.poll(() => operator.page.locator(".documents .name").allTextContents()).toEqual(["paper.pdf"]);
  await operator.page.getByLabel("Search in documents").fill(wanted);
  await operator.page.locator(".hit").getByRole("link").first().click();
  await operator.page.getByRole("img", { name: "Page 2" }).waitFor();
  expect([...complaints, ...other.complaints, ...operator.complaints]).toEqual([]);
});

test("a karaoke project is dropped and becomes an MP4, which is played and served in ranges", async () => {
  const milepost = await openForTest("memory");
  milepost.pipeline(imagesPipeline());
  milepost.pipeline(karaokePipeline());
  await milepost.work({ concurrency: 1 });
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const { page, context, complaints } = await visit(browser, url);
  await page.goto("/new");
  await page.getByRole("radio", { name: /Karaoke/ }).waitFor();
  const project = { lyrics: "song.lrc", audio: "song.wav", duration: 0.4 };
  await dropFiles(page, [
    { name: "song.json", content: Buffer.from(JSON.stringify(project)) },
    { name: "song.lrc", content: Buffer.from("[00:00.00]<00:00.00>la <00:00.20>la<00:00.40>\n") },
    { name: "song.wav", content: toWav([{ startMs: 0, endMs: 400, pitch: 0 }], 400, 8_000) },
  ]);
  await expect.poll(() => page.getByRole("radio", { name: /Karaoke/ }).isChecked()).toBe(true);
  await page.getByLabel("Preset").selectOption("draft");
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator(".batch-title .badge").getByText("completed", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByRole("link", { name: "Play song.json" }).click();
  const player = page.getByRole("dialog", { name: "song.json" }).locator("video");
  await player.waitFor();
  const address = (await player.getAttribute("src")) ?? "";
  await player.evaluate("document.querySelector('video').play()");
  await expect.poll(() => player.evaluate("document.querySelector('video').currentTime")).toBeGreaterThan(0.2);
  expect(await player.evaluate("document.querySelector('video').videoWidth")).toBe(640);
  const part = await context.request.get(address, { headers: { range: "bytes=4-11" } });
  expect([part.status(), part.headers()["content-type"], (await part.body()).toString("latin1", 0, 4)]).toEqual([
    206,
    "video/mp4",
    "ftyp",
  ]);
  expect(part.headers()["content-range"]).toMatch(/^bytes 4-11\/\d+$/);
  expect(complaints).toEqual([]);
});

test("exports are seen, put into another order by keys and by dragging, halted, and played", async () => {
  const milepost = await openForTest("memory");
  const made = signal();
  const begun: string[] = [];
  const files = temporaryFolder();
  milepost.pipeline({
    name: "karaoke",
    handler: async ({ key, batch }, step) => {
      begun.push(key);
      if (key === "first") {
        step.progress(1, 30, "frame");
        return made.wait.then(() => null);
      }
      const out = join(files, "batches", batch.id, "out");
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, `${key}.mp4`), "a video");
      return { path: join(out, `${key}.mp4`), frames: 1 };
    },
  });
  const { url } = await startServer({ milepost, files, dashboard: dashboard.folder });
  const project = { lyrics: { lines: [{ words: [{ text: "la", start: 0, end: 1 }] }] } };
  const first = { key: "first", input: { project, outputPath: "first.mp4", baseFolder: files } };
  const { id } = await milepost.submit({ pipeline: "karaoke", name: "songs", items: [first, "one", "two", "three"] });
  // Two of the same millisecond are in no order that a page could know.
  const { createdAt } = await milepost.batch(id).snapshot();
  await expect.poll(() => Date.now()).toBeGreaterThan(createdAt.getTime());
  await milepost.submit({ pipeline: "karaoke", name: "last", items: ["last"] });
  await milepost.work({ concurrency: 1 });
  const { page, complaints } = await visit(browser, url, { isOperator: true });
  await page.goto("/exports");
  const waiting = page.getByRole("region", { name: "Waiting exports" });
  const order = (): Promise<readonly string[]> => waiting.locator(".name > a").allTextContents();
  await waiting.waitFor();
  expect(await order()).toEqual(["one", "two", "three", "last"]);
  await page.getByRole("button", { name: "Move three up" }).press("Enter");
  await expect.poll(order).toEqual(["one", "three", "two", "last"]);
  await page.keyboard.press("Enter");
  await expect.poll(order).toEqual(["three", "one", "two", "last"]);
  await waiting.getByText("two", { exact: true }).dragTo(waiting.getByText("one", { exact: true }));
  await expect.poll(order).toEqual(["three", "two", "one", "last"]);
  await waiting
    .getByText("last", { exact: true })
    .first()
    .dragTo(waiting.getByText("three", { exact: true }));
  await expect.poll(order).toEqual(["last", "three", "two", "one"]);

  await page.getByRole("img", { name: "first where its export stands" }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused: what runs halts at its next frame.").first().waitFor();
  expect((await milepost.queue("karaoke").snapshot()).state).toBe("paused");
  made.give();
  await page.getByRole("button", { name: "Resume" }).click();
  await milepost.batch(id).done();
  const ended = page.getByRole("region", { name: "Ended exports" });
  expect(begun).toEqual(["first", "last", "three", "two", "one"]);
  await expect.poll(() => ended.locator(".name > a").count()).toBe(5);
  await ended.getByRole("link", { name: "Play one" }).click();
  const player = page.getByRole("dialog", { name: "one" }).locator("video");
  await player.waitFor();
  expect(await player.getAttribute("src")).toMatch(/^blob:/);
  expect(await violationsEverywhere(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test("the pages are free of violations of axe's rules in both themes, on desks and phones", async () => {
  const milepost = await openForTest("memory");
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  milepost.pipeline({
    name: "karaoke",
    handler: (_item, step) => new Promise<void>((resolve) => step.signal.addEventListener("abort", () => resolve())),
  });
  const { batch } = await milepost.submit({ pipeline: "karaoke", name: "songs", items: ["a", "b", "c"] });
  await batch.item((await batch.items({ limit: 3 })).items[2]?.id ?? "").cancel();
  await milepost.work({ concurrency: 1 });
  const { page, complaints } = await visit(browser, url, { isOperator: true });
  await page.goto("/new");
  await page.getByLabel("Choose files").setInputFiles([
    { name: "a.png", mimeType: "image/png", buffer: Buffer.from("no image") },
    { name: "b.txt", mimeType: "text/plain", buffer: Buffer.from("Words, in a row.") },
  ]);
  await page.getByLabel("Width").fill("0.5");
  await page.getByText("It must be a whole number from 1 to 10000.").waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.getByRole("radio", { name: /Documents/ }).check();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("button", { name: "Start without them" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.getByRole("button", { name: "Start without them" }).click();
  await page.locator(".batch-title").waitFor();
  await page.getByRole("link", { name: "Documents" }).click();
  await page.getByRole("link", { name: "b.txt" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.getByRole("link", { name: "b.txt" }).press("Enter");
  await page.getByRole("dialog", { name: "Document" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByLabel("Search in documents").fill("nowhere");
  await page.getByRole("heading", { name: "Nothing was found" }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByRole("button", { name: "Move b up" }).waitFor();
  await page.getByRole("region", { name: "Running exports" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.getByRole("button", { name: "Cancel b" }).press("Enter");
  await page.getByRole("dialog", { name: "Cancel b?" }).waitFor();
  expect(await violationsEverywhere(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await batch.cancel();
  expect(complaints).toEqual([]);
});
