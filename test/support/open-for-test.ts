import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Milepost, type OpenOptions, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";

/** The stores that every test of the engine runs on. */
export const STORES = ["memory", "sqlite"] as const;
export type StoreName = (typeof STORES)[number];

/** An engine on a fresh store, closed and removed when the test ends. */
export async function openForTest(store: StoreName, options: OpenOptions = {}): Promise<Milepost> {
  const location = store === "memory" ? "memory:" : join(temporaryFolder(), "work.db");
  const milepost = await openMilepost(location, { logger: SILENT, ...options });
  onTestFinished(() => milepost.close());
  return milepost;
}

/** A folder of the test's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "milepost-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A promise with its handle: what tests wait on instead of time. */
export function signal<T = void>(): { readonly wait: Promise<T>; readonly give: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { wait: promise, give: resolve };
}

/** Resolves when an abort signal is aborted. */
export function aborted(abort: AbortSignal): Promise<void> {
  if (abort.aborted) return Promise.resolve();
  return new Promise((resolve) => abort.addEventListener("abort", () => resolve(), { once: true }));
}
