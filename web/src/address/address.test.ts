import { expect, test } from "vitest";
import { addressOf, batchView, DOCUMENTS, EXPORTS, NEW, OVERVIEW, type View, viewOf } from "./address.ts";

function reread(view: View): View {
  const url = new URL(addressOf(view), "http://localhost");
  return viewOf(url.pathname, url.search);
}

test.each<View>([
  OVERVIEW,
  { ...OVERVIEW, show: "failed", queue: "a&b=c#d", search: "100% <b>", sort: "left", isReversed: true },
  batchView("01a1ff95-87cd-754a-ba35-6ab137e8259c"),
  {
    ...batchView("01a1ff95-87cd-754a-ba35-6ab137e8259c"),
    state: "failed",
    stage: "read + think",
    error: "no such file: “ä”?",
    search: "img & 1",
    itemId: "00000000-0001-8123-9123-123456789012",
  },
])("a view is in its address, whatever texts are in it", (view) => {
  expect(reread(view)).toEqual(view);
});

test.each<View>([
  { ...NEW, pipeline: "a&b" },
  { ...DOCUMENTS, search: "100% <b>", docId: "ab", number: 3 },
  { ...DOCUMENTS, owner: "session:ab" },
  { ...DOCUMENTS, owner: "" },
  { ...EXPORTS, batchId: "a", itemId: "b" },
])("so is that of the other pages", (view) => {
  expect(reread(view)).toEqual(view);
});

test("the usual view has the shortest address", () => {
  expect(addressOf(OVERVIEW)).toBe("/");
  expect(addressOf(batchView("x"))).toBe("/batches/x");
});

test("what an address says wrongly is as usual; an unknown page is said to be missing", () => {
  expect(viewOf("/", "?show=nothing&sort=&order=up")).toEqual(OVERVIEW);
  expect(viewOf("/batches/x", "?state=exploded&item=")).toEqual(batchView("x"));
  expect(viewOf("/elsewhere", "")).toEqual({ page: "missing" });
});
