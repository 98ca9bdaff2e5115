import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { buildWeb } from "../../../scripts/build-web.ts";
import { TOKEN } from "../../server/support/start-server.ts";

export interface BuiltDashboard {
  readonly folder: string;
  /** The paths of its scripts. */
  readonly scripts: () => readonly string[];
  readonly remove: () => void;
}

/** The dashboard of the sources as they are, in a folder of its own. */
export async function buildDashboard({ isCompressed = false } = {}): Promise<BuiltDashboard> {
  const folder = mkdtempSync(join(tmpdir(), "milepost-dashboard-"));
  await buildWeb(folder, { isCompressed });
  const assets = join(folder, "assets");
  return {
    folder,
    scripts: () =>
      readdirSync(assets)
        .filter((name) => name.endsWith(".js"))
        .map((name) => join(assets, name)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page complained of: errors of scripts, of the console, and whatever its policy forbade. */
  readonly complaints: string[];
}

/** A person at a browser of their own; `isOperator`: one who has signed in. */
export async function visit(
  browser: Browser,
  url: string,
  { isOperator = false, colorScheme = "light" }: { isOperator?: boolean; colorScheme?: "light" | "dark" } = {},
): Promise<Visitor> {
  const context = await browser.newContext({ baseURL: url, locale: "en-GB", colorScheme });
  onTestFinished(() => context.close());
  if (isOperator) {
    const set = `sessionStorage.setItem("milepost-token", ${JSON.stringify(TOKEN)})`;
    await context.addInitScript(`if (location.protocol === "http:") ${set}`);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => void complaints.push(String(error)));
  page.on("console", (message) => {
    // A server that is away or refuses is told in the page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  return { context, page, complaints };
}
