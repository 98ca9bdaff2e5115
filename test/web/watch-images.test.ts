import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { startServer, TOKEN } from "../server/support/start-server.ts";
import { smallPicture } from "../support/make-images.ts";
import { openForTest } from "../support/open-for-test.ts";
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

const EVIL = `<img src=x onerror="globalThis.isBroken = true">.png`;

test("a person watches their photos to the end, whatever they are called; others do not see them", async () => {
  const milepost = await openForTest("memory");
  milepost.pipeline(imagesPipeline());
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const { page, context, complaints } = await visit(browser, url);
  await page.goto("/");
  await page.getByRole("heading", { name: "Nothing has been sent in yet" }).waitFor();
  const form = new FormData();
  for (const name of [EVIL, "beach.png"])
    form.append("files", new File([new Uint8Array(await smallPicture().png().toBuffer())], name));
  const uploaded = await context.request.post("/api/uploads", { multipart: form });
  const { files } = (await uploaded.json()) as { files: { fileId: string }[] };
  const made = await context.request.post("/api/process-batch", {
    data: { fileIds: files.map(({ fileId }) => fileId), name: EVIL, options: { width: 16 } },
  });
  const { batchId } = (await made.json()) as { batchId: string };

  await page.reload();
  const row = page.getByRole("row").filter({ hasText: "onerror" });
  await row.getByText("pending").waitFor();
  await milepost.work({ concurrency: 2 });
  await row.getByText("completed", { exact: true }).waitFor();
  expect(await row.textContent()).toContain("100%");
  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: EVIL }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/batches/${batchId}`);
  const table = page.getByRole("table", { name: "Items" });
  const saved = page.waitForEvent("download");
  await table.getByRole("link", { name: "Output of beach.png" }).click();
  expect((await saved).suggestedFilename()).toBe("beach.png");
  await table.getByRole("link", { name: EVIL, exact: true }).click();
  const preview = page.getByRole("dialog").getByRole("img", { name: `Output of ${EVIL}` });
  await preview.waitFor();
  await expect.poll(() => page.evaluate("document.querySelector('dialog img').naturalWidth")).toBe(16);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(await page.evaluate("globalThis.isBroken")).toBeUndefined();

  const other = await visit(browser, url);
  await other.page.goto(`/batches/${batchId}`);
  await other.page.getByRole("heading", { name: "There is no such batch" }).waitFor();
  const mistyped = await other.page.goto("/butches");
  expect(mistyped?.status()).toBe(404);
  await other.page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await other.page.getByText("Nothing has the address /butches").waitFor();
  await other.page.getByRole("link", { name: "All batches" }).click();
  await other.page.getByRole("heading", { name: "Nothing has been sent in yet" }).waitFor();

  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.getByLabel("Token").fill("not the token of this server");
  await other.page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await other.page.getByRole("alert").getByText("That is not this server's token").waitFor();
  await other.page.getByLabel("Token").fill(TOKEN);
  await other.page.keyboard.press("Enter");
  await other.page.getByRole("row").filter({ hasText: "onerror" }).getByText("completed", { exact: true }).waitFor();
  expect(await other.page.evaluate("[document.cookie, localStorage.length]")).toEqual(["", 0]);
  expect([...complaints, ...other.complaints]).toEqual([]);
});

test.each([
  ["light", 1_440],
  ["dark", 1_440],
  ["light", 390],
  ["dark", 390],
] as const)(
  "both pages, what opens over them and empty ones are free of violations of axe's rules; the focus comes back, %s, %i px",
  async (colorScheme, width) => {
    const milepost = await openForTest("memory");
    milepost.pipeline({
      name: "mixed",
      attempts: 1,
      stages: ["look", "think"],
      handler: async ({ key }, step) => {
        if (key === "bad") throw new Error("it is bad");
        step.stage("look", { total: 3, unit: "page" });
        step.progress(1, 3);
        if (key === "slow")
          await new Promise<void>((resolve) => step.signal.addEventListener("abort", () => resolve()));
      },
    });
    const { url } = await startServer({ milepost, dashboard: dashboard.folder });
    const { batch } = await milepost.submit({
      pipeline: "mixed",
      name: "mixed",
      items: ["good", "bad", "slow", "more"],
    });
    const paused = await milepost.submit({ pipeline: "mixed", queue: "other", name: "paused", items: ["a"] });
    await paused.batch.pause();
    await milepost.work({ concurrency: 4 });
    const { page, complaints } = await visit(browser, url, { isOperator: true, colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/");
    await page.getByRole("article", { name: "Queue other" }).waitFor();
    await page.getByRole("row").filter({ hasText: "3 of 4" }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("link", { name: "mixed", exact: true }).press("Enter");
    await page.getByRole("heading", { name: "Failures" }).waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("table", { name: "Items" }).getByText("page 1 of 3").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("link", { name: "Example" }).click();
    await page.getByRole("dialog").getByText("Attempts, the latest first").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const focused = (): Promise<string> => page.evaluate("document.activeElement.textContent");
    await page.keyboard.press("Escape");
    await expect.poll(focused).toBe("Example");
    await page.getByRole("button", { name: "Cancel", exact: true }).press("Enter");
    await page.getByRole("dialog", { name: "Cancel?" }).waitFor();
    expect([await focused(), await axeViolations(page)]).toEqual(["Keep as it is", []]);
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("Cancel");

    const stranger = await visit(browser, url, { colorScheme });
    await stranger.page.setViewportSize({ width, height: 900 });
    await stranger.page.goto(new URL(page.url()).pathname);
    await stranger.page.getByRole("heading", { level: 1, name: "There is no such batch" }).waitFor();
    expect(await axeViolations(stranger.page)).toEqual([]);
    await stranger.page.goto("/");
    await stranger.page.getByRole("heading", { name: "Nothing has been sent in yet" }).waitFor();
    await stranger.page.getByRole("button", { name: "Sign in" }).press("Enter");
    await stranger.page.getByLabel("Token").fill("not the token");
    await stranger.page.keyboard.press("Enter");
    await stranger.page.getByRole("alert").waitFor();
    expect(await axeViolations(stranger.page)).toEqual([]);
    await stranger.page.keyboard.press("Escape");
    expect(await stranger.page.evaluate("document.activeElement.textContent")).toBe("Sign in");
    await batch.cancel();
    expect(complaints).toEqual([]);
  },
);
