import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { startServer } from "../server/support/start-server.ts";
import { openForTest, temporaryFolder } from "../support/open-for-test.ts";
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

/** A pipeline whose items end when the test says so; keys that begin with `bad` fail while `isMended` is false. */
function declareGated(milepost: Milepost) {
  const waiting: (() => void)[] = [];
  const gate = { isMended: false, isOpen: false };
  milepost.pipeline({
    name: "gated",
    attempts: 1,
    handler: async ({ key }, step) => {
      if (!gate.isOpen) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          step.signal.addEventListener("abort", () => resolve());
        });
      }
      if (key.startsWith("bad") && !gate.isMended) throw new Error("it is bad");
    },
  });
  const open = (): void => {
    gate.isOpen = true;
    for (const go of waiting.splice(0)) go();
  };
  return { gate, open };
}

/** Waits until the batch of the page is shown to be so. */
function statusOf(page: Page, words: string): Promise<void> {
  return page.locator(".batch-title .badge").getByText(words, { exact: true }).waitFor();
}

test("an operator pauses, resumes, retries and cancels; the page outlives a reload and a restart of the server", async () => {
  const milepost = await openForTest("memory");
  const files = temporaryFolder();
  const { gate, open } = declareGated(milepost);
  const first = await startServer({ milepost, files, dashboard: dashboard.folder });
  const items = ["bad-1", "bad-2", ...Array.from({ length: 8 }, (_, index) => `good-${index}`)];
  const { batch } = await milepost.submit({ pipeline: "gated", name: "gated", items });
  await milepost.work({ concurrency: 3 });
  const { page, complaints } = await visit(browser, first.url, { isOperator: true });
  await page.goto("/");
  await page.getByRole("link", { name: "gated", exact: true }).click();
  await page.getByRole("button", { name: "processing 3" }).waitFor();

  const pause = page.getByRole("button", { name: "Pause" });
  await pause.hover();
  await page.getByText("Pause: 3 running finish, nothing new starts.").waitFor();
  await pause.click();
  await page.getByText("Paused. 3 items that run will finish.").first().waitFor();
  open();
  await page.getByRole("button", { name: "processing 0" }).waitFor();
  await page.getByRole("button", { name: "failed 2" }).waitFor();
  expect((await batch.snapshot()).counts).toMatchObject({ completed: 1, failed: 2, pending: 7 });

  await page.reload();
  await statusOf(page, "paused");
  await first.close();
  await page.getByText("Reconnecting").waitFor();
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByText("Loading …").waitFor();
  const { port } = new URL(first.url);
  await startServer({ milepost, files, dashboard: dashboard.folder, port: Number(port) });
  await page.getByRole("heading", { name: "There are no exports yet" }).waitFor();
  await page.goBack();
  await page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await statusOf(page, "completed (partial)");
  await page.getByText("100%", { exact: true }).waitFor();

  gate.isMended = true;
  await page.getByRole("region", { name: "Failures" }).getByRole("button", { name: "Retry these" }).click();
  await statusOf(page, "completed");
  await page.getByRole("button", { name: "completed 10" }).waitFor();

  const second = await milepost.submit({ pipeline: "outside", name: "outside", items: ["a", "b"] });
  const { id } = await second.batch.snapshot();
  await page.getByRole("link", { name: "All batches" }).click();
  await page.getByRole("link", { name: "outside", exact: true }).click();
  await page.getByLabel("Priority of the batch", { exact: true }).selectOption("urgent (-20)");
  await expect.poll(async () => (await second.batch.snapshot()).priority).toBe(-20);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel?" });
  await dialog.getByText("2 items that have not ended are ended as cancelled").waitFor();
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  expect((await second.batch.snapshot()).status).toBe("pending");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await dialog.getByRole("button", { name: "Cancel", exact: true }).click();
  await statusOf(page, "cancelled");
  expect((await second.batch.snapshot()).status).toBe("cancelled");
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("heading", { name: "There is no such batch" }).waitFor();
  await expect(milepost.batch(id).snapshot()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(complaints).toEqual([]);
});

test("a failed item among 100,000 is found by its state, by its name and by its place, and is tried again; a refusal is shown", async () => {
  const milepost = await openForTest("memory");
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const items = Array.from({ length: 100_000 }, (_, index) => `photo-${index}.jpg`);
  const { batch } = await milepost.submit({ pipeline: "outside", name: "many", items });
  const tracker = await milepost.track();
  const failed = await batch.item("photo-70707.jpg").snapshot();
  await tracker.fail([failed.id], new Error("its disk is full"));
  const { id } = await batch.snapshot();
  const { page, complaints } = await visit(browser, url, { isOperator: true });
  await page.goto(`/batches/${id}`);
  const table = page.getByRole("table", { name: "Items" });
  await table.getByRole("link", { name: "photo-0.jpg" }).waitFor();
  await page.evaluate("document.querySelector('.items').scrollTo(0, 1e9)");
  await table.getByRole("link", { name: "photo-99999.jpg" }).waitFor();
  await page.getByRole("button", { name: "failed 1" }).click();
  await table.getByRole("link", { name: "photo-70707.jpg" }).waitFor();
  expect(await table.getByRole("link").count()).toBe(1);
  await page.getByRole("button", { name: /^All/ }).click();
  await page.getByLabel("Search items by name").fill("PHOTO-7070");
  await table.getByRole("link", { name: "photo-70700.jpg" }).waitFor();
  await expect.poll(() => table.getByRole("link").count()).toBe(11);
  await table.getByRole("link", { name: "photo-70707.jpg" }).click();
  const panel = page.getByRole("dialog", { name: "Item" });
  await panel.getByText("its disk is full").first().waitFor();
  await page.reload();
  await panel.getByText("its disk is full").first().waitFor();
  expect(await page.getByLabel("Search items by name").inputValue()).toBe("PHOTO-7070");
  await panel.getByRole("button", { name: "Retry" }).click();
  await panel.getByText("pending", { exact: true }).waitFor();
  await panel.getByRole("button", { name: "Hold" }).click();
  await panel.getByText("held", { exact: true }).first().waitFor();
  expect(await batch.item(failed.id).snapshot()).toMatchObject({ state: "pending", isHeld: true });

  await page.goto(`/batches/${id}`);
  const [running] = (await batch.items({ limit: 1 })).items;
  await tracker.start([running?.id ?? ""]);
  await page.getByRole("button", { name: "processing 1" }).waitFor();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page
    .getByRole("alert")
    .getByText(/it is running; stop or cancel it first/)
    .waitFor();
  expect(complaints).toEqual([]);
});

test("batches are brought into another order by keys and by dragging, are told so, and run in it", async () => {
  const milepost = await openForTest("memory");
  const begun: string[] = [];
  milepost.pipeline({ name: "noted", handler: async ({ key }) => begun.push(key) });
  const { url } = await startServer({ milepost, dashboard: dashboard.folder });
  const submit = (name: string, given: object) =>
    milepost.submit({ pipeline: "noted", name, items: [name], ...given }).then(({ batch }) => batch);
  const batches = [];
  for (const [priority, name] of ["one", "two", "three", "four"].entries())
    batches.push(await submit(name, { priority }));
  await submit("apart", { queue: "other", priority: 9 });
  const { page, complaints } = await visit(browser, url, { isOperator: true });
  await page.goto("/");
  const table = page.getByRole("table", { name: "Batches" });
  const order = (): Promise<readonly string[]> => table.locator(".name > a").allTextContents();
  const gripOf = (name: string) => table.getByRole("button", { name: `Move ${name} with the up and down keys` });
  await expect.poll(order).toEqual(["one", "two", "three", "four", "apart"]);
  await gripOf("four").press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.getByText("four is now 2 of 4 in queue noted.").waitFor({ state: "attached" });
  await expect.poll(order).toEqual(["one", "four", "two", "three", "apart"]);
  expect(await page.evaluate("document.activeElement.closest('.row').textContent")).toMatch(/^four/);

  const drag = async (name: string, target: string, end: () => Promise<void>): Promise<void> => {
    await gripOf(name).hover();
    await page.mouse.down();
    await table.getByRole("row").filter({ hasText: target }).getByRole("link").hover();
    await end();
  };
  await drag("one", "three", () => page.mouse.up());
  await expect.poll(order).toEqual(["four", "two", "three", "one", "apart"]);
  await drag("three", "apart", () => page.mouse.up());
  await drag("three", "four", () => page.keyboard.press("Escape"));
  await page.mouse.up();
  await drag("three", "four", () => page.mouse.up());
  await expect.poll(order).toEqual(["three", "four", "two", "one", "apart"]);

  await milepost.work({ concurrency: 1 });
  for (const batch of batches) await batch.done();
  expect(begun.filter((key) => key !== "apart")).toEqual(["three", "four", "two", "one"]);
  await gripOf("one").waitFor({ state: "detached" });
  expect(complaints).toEqual([]);
});
