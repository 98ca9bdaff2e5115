import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { FRACTION_ONE, fractionOf, toStages } from "../../src/core/progress.ts";
import { documentsPipeline, openLibrary, toDocumentOptions } from "../../src/pipelines/documents/documents-pipeline.ts";
import { ingest, recordingStep, writeFiles } from "../support/ingest.ts";
import { LAYOUTS, makeDocx, makePdf, SCRIPTS } from "../support/make-documents.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

describe("PDFs", () => {
  test("each sentence is found on its page: scripts, columns, rotated pages", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const kinds = [
      ...SCRIPTS.map((script) => ({ script, layout: "plain" as const })),
      ...LAYOUTS.map((layout) => ({ script: "latin" as const, layout })),
    ];
    const made = await Promise.all(kinds.map((kind, seed) => makePdf({ ...kind, seed, pages: 1 + 3 * seed })));
    const paths = writeFiles(folder, Object.fromEntries(made.map(({ bytes }, at) => [`${at}.pdf`, bytes])));
    const { batch, items } = await ingest(paths, { index });
    expect(batch.counts).toMatchObject({ total: 8, completed: 8 });
    expect(items.map(({ output }) => (output as { totalPages: number }).totalPages)).toEqual(
      kinds.map((_, at) => 1 + 3 * at),
    );

    using library = await openLibrary(index);
    const missed: string[] = [];
    for (const [at, { sentences }] of made.entries()) {
      for (const { page, text } of sentences) {
        const [hit] = await library.search(text, { limit: 1 });
        if (hit?.document.filename !== `${at}.pdf` || hit.page !== page)
          missed.push(`${at}.pdf ${page}: ${text} → ${hit?.document.filename} ${hit?.page}`);
      }
    }
    expect(missed).toEqual([]);
  });
});
