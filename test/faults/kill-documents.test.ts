import { expect, onTestFinished, test } from "vitest";
import { killIngestion } from "../support/kill-ingestion.ts";
import { makePdf } from "../support/make-documents.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const PAGES = [40, 3, 24, 1, 12, 6];
const KILLS = 10;

test("kill -9 ten times while documents are taken in: pages are not read again, nothing is half there or there twice", async () => {
  const made = await Promise.all(PAGES.map((pages, seed) => makePdf({ seed, pages })));
  const wrong = await killIngestion(temporaryFolder(), made, {
    kills: Array.from({ length: KILLS }, () => ({ pages: 3, delayMs: 0 })),
    onChild: (child) => onTestFinished(() => void child.kill("SIGKILL")),
  });
  expect(wrong).toEqual([]);
});
