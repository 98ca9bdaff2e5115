import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { createServer, type MilepostServer } from "../../src/server/server.ts";
import { smallPicture } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { axeViolations } from "../web/support/axe.ts";
import { openBrowser } from "../web/support/open-browser.ts";
import { serveExample } from "./support/serve-example.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** A server whose images are made only as fast as the test lets them through, and which can be started again. */
class PacedServer {
  readonly #folder = temporaryFolder();
  #milepost!: Milepost;
  #server!: MilepostServer;
  #allowed = 0;
  #waiting: (() => void)[] = [];

  async start(): Promise<string> {
    this.#milepost = await openMilepost(join(this.#folder, "work.db"), { logger: SILENT });
    this.#server = await createServer(this.#milepost, { port: 0, files: join(this.#folder, "files") });
    const images = imagesPipeline();
    const { handler } = images;
    if (handler === undefined) throw new Error("the images pipeline has no handler of its own");
    this.#milepost.pipeline({
      ...images,
      handler: async (item, step) => {
        await this.#turn(step.signal);
        return handler(item, step);
      },
    });
    const url = await this.#server.listen();
    await this.#milepost.work({ concurrency: 1 });
    return url;
  }

  async stop(): Promise<void> {
    await this.#server.close();
    await this.#milepost.close();
  }

  letThrough(count: number): void {
    this.#allowed += count;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#allowed === 0) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    this.#allowed -= 1;
  }
}

async function openExample(url: string): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ baseURL: url });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => void complaints.push(String(error)));
  page.on("console", (message) => {
    const isAway = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isAway) complaints.push(message.text());
  });
  await page.goto("/");
  return { page, complaints };
}

test("photos are sent in and watched to 100%, over a restart of the server; who leaves the page is told no more", async () => {
  const server = new PacedServer();
  const example = await serveExample(await server.start());
  onTestFinished(() => server.stop());
  const { page, complaints } = await openExample(example.url);
  const buffer = await smallPicture().png().toBuffer();
  const photos = ["a", "b", "c", "d"].map((name) => ({ name: `${name}.png`, mimeType: "image/png", buffer }));
  await page.getByLabel("Photos to make small").setInputFiles(photos);

  const bar = page.getByRole("progressbar");
  const valueText = (): Promise<string | null> => bar.getAttribute("aria-valuetext");
  const note = page.locator(".milepost-progress-note");
  await page.locator(".milepost-progress[data-state=live]").waitFor();
  await expect.poll(valueText).toMatch(/^0%, 0 of 4, /);
  await page.getByText("a.png: processing").waitFor();
  // One for the batch and one for its items, also in React's strict mode.
  await example.until(() => example.streams.size === 2);

  server.letThrough(1);
  await page.getByText("a.png: completed").waitFor();
  // The bar is never behind the list beside it.
  expect(await valueText()).toMatch(/^25%, 1 of 4, /);
  expect(await bar.getAttribute("value")).toBe("25");
  expect(await axeViolations(page)).toEqual([]);

  await server.stop();
  await expect.poll(() => note.textContent()).toBe("connection lost, reconnecting");
  expect(await page.locator(".milepost-progress-counts").textContent()).toBe("1 of 4");
  expect(await axeViolations(page)).toEqual([]);
  example.target = await server.start();
  server.letThrough(1);
  await expect.poll(valueText, { timeout: 20_000 }).toMatch(/^50%, 2 of 4, /);
  await page.getByText("b.png: completed").waitFor();
  expect(await note.textContent()).toBe("");

  const { hash } = new URL(page.url());
  const [own] = [...example.streams];
  await page.goto(`/#${randomUUID()}`);
  await expect.poll(() => note.textContent()).toBe("there is no such batch");
  expect([await page.getByRole("listitem").count(), await bar.getAttribute("value")]).toEqual([0, null]);
  await example.until(() => !example.streams.has(own ?? ""));
  await page.goto(`/${hash}`);
  await expect.poll(valueText).toMatch(/^50%, 2 of 4, /);
  await example.until(() => example.streams.size === 2);
  await page.getByRole("button", { name: "Close" }).click();
  await example.until(() => example.streams.size === 0);

  await page.goBack();
  server.letThrough(2);
  await page.locator(".milepost-progress[data-state=ended]").waitFor();
  expect(await valueText()).toBe("100%, 4 of 4");
  expect(await note.textContent()).toBe("completed");
  await page.getByText("d.png: completed").waitFor();
  await example.until(() => example.streams.size === 0);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  expect(
    readFileSync(await download.path())
      .subarray(0, 2)
      .toString(),
  ).toBe("PK");
  expect(complaints).toEqual([]);
});
