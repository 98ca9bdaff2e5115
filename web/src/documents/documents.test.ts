import { expect, test } from "vitest";
import type { WireDocument } from "../../../src/wire/document.ts";
import { withUpdate } from "./library-store.ts";
import { snippetParts } from "./search-store.ts";

function documentOf(docId: string, status: WireDocument["status"]): WireDocument {
  const time = "2026-11-21T12:00:00.000Z";
  return {
    ...{ docId, filename: docId, status, progress: 0, stage: "", page: null, totalPages: null },
    ...{ startedAt: time, updatedAt: time, completedAt: null, elapsedTime: 0, estimatedRemaining: null },
    ...{ metadata: {}, error: null },
  };
}

test("what is worked on comes first, then what waits, each document once as it was told last", () => {
  const idsOf = (documents: readonly WireDocument[]) => documents.map(({ docId }) => docId).join(" ");
  const first = [documentOf("a", "queued"), documentOf("b", "parsing"), documentOf("c", "completed")];
  let shown = withUpdate([documentOf("old", "queued")], { documents: first, removed: [], isFresh: true });
  expect(idsOf(shown)).toBe("b a c");
  const changed = [documentOf("a", "storing"), documentOf("d", "queued"), documentOf("e", "failed")];
  shown = withUpdate(shown, { documents: changed, removed: [], isFresh: false });
  expect(idsOf(shown)).toBe("b a d e c");
  shown = withUpdate(shown, { documents: [documentOf("b", "completed")], removed: ["a", "e"], isFresh: false });
  expect(idsOf(shown)).toBe("d b c");
  const many = Array.from({ length: 1_000 }, (_, index) => documentOf(`m${index}`, "completed"));
  shown = withUpdate(shown, { documents: many, removed: [], isFresh: false });
  expect([shown.length, idsOf(shown.slice(0, 2))]).toEqual([400, "d m0"]);
});

test("words of the query are marked in any case and with any accents, and the text stays as it is", () => {
  const marked = (snippet: string, query: string): readonly string[] =>
    snippetParts(snippet, query).flatMap(({ text, isHit }) => (isHit ? [text] : []));
  expect(marked("Tidal <b>ENERGY</b>, énergie", "energy énergie")).toEqual(["ENERGY", "énergie"]);
  expect(marked("a.b", "...")).toEqual([]);
  const text = "one, two; three";
  expect(
    snippetParts(text, "two")
      .map((part) => part.text)
      .join(""),
  ).toBe(text);
});
