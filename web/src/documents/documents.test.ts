import { expect, test } from "vitest";
import type { WireDocument } from "../../../src/wire/document.ts";
import { activeFirst } from "./library-store.ts";
import { snippetParts } from "./search-store.ts";

function documentOf(docId: string, status: WireDocument["status"]): WireDocument {
  const time = "2026-11-21T12:00:00.000Z";
  return {
    ...{ docId, filename: docId, status, progress: 0, stage: "", page: null, totalPages: null },
    ...{ startedAt: time, updatedAt: time, completedAt: null, elapsedTime: 0, estimatedRemaining: null },
    ...{ metadata: {}, error: null },
  };
}

test("what is worked on comes first, then what waits, each document once as it was read last", () => {
  const listed = activeFirst([
    documentOf("a", "queued"),
    documentOf("b", "parsing"),
    documentOf("c", "completed"),
    documentOf("a", "storing"),
    documentOf("d", "queued"),
  ]);
  expect(listed.map(({ docId, status }) => [docId, status])).toEqual([
    ["a", "storing"],
    ["b", "parsing"],
    ["d", "queued"],
    ["c", "completed"],
  ]);
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
