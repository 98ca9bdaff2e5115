import chromium from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";

/** What of the package's arguments would make it another browser than people have: in one process, and lax. */
const UNWANTED = ["--single-process", "--disable-web-security", "--allow-running-insecure-content"];

/** A real Chromium, from npm. One for a whole file: it takes seconds to start. */
export async function openBrowser(): Promise<Browser> {
  const args = chromium.args.filter((arg) => !UNWANTED.includes(arg));
  return playwright.launch({ executablePath: await chromium.executablePath(), args, headless: true });
}
