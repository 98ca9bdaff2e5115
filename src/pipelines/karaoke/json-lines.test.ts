import fc from "fast-check";
import { expect, test } from "vitest";
import { lineOfPath } from "./json-lines.ts";

const TEXT = `{
  "a": [1, "x]}\\"", {
    "b": { },
    "c": [[], [ 7,
      8 ] ]
  }],
  "esc\\u0061pe": null,
  "a2"
    :
    true,
  "a2": false
}`;

test.each([
  [[], 1],
  [["a"], 2],
  [["a", 1], 2],
  [["a", 2], 2],
  [["a", 2, "b"], 3],
  [["a", 2, "c", 1, 0], 4],
  [["a", 2, "c", 1, 1], 5],
  [["escape"], 7],
  [["a2"], 11],
  // What is not there: as far as the way goes.
  [["a", 2, "d"], 2],
  [["a", 2, "c", 5], 4],
  [["a", 0, "b"], 2],
  [["nothing"], 1],
])("%j", (path, line) => {
  expect(lineOfPath(TEXT, path)).toBe(line);
});

test("the line of any value, however the JSON is written", () => {
  const indent = fc.constantFrom(0, 1, "\t", "\n");
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), indent, fc.infiniteStream(fc.nat()), (value, space, picks) => {
      const path: PropertyKey[] = [];
      let at: unknown = value;
      while (typeof at === "object" && at !== null && Object.keys(at).length > 0) {
        const keys = Object.keys(at);
        const key = keys[(picks.next().value ?? 0) % keys.length] ?? "";
        path.push(Array.isArray(at) ? Number(key) : key);
        at = Reflect.get(at, key);
      }
      const text = JSON.stringify(value, null, space);
      // The same with something else in its place differs from there on.
      const other = JSON.stringify(replaced(value, path), null, space);
      let same = 0;
      while (same < text.length && text[same] === other[same]) same += 1;
      expect(lineOfPath(text, path)).toBe(text.slice(0, same).split("\n").length);
    }),
  );
});

/** A copy with a value at `path` that differs from any other in its first letter. */
function replaced(value: unknown, path: readonly PropertyKey[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return typeof value === "string" ? null : "other";
  if (Array.isArray(value)) return value.map((entry, index) => (index === key ? replaced(entry, rest) : entry));
  const entries = Object.entries(Object(value));
  return Object.fromEntries(entries.map(([name, entry]) => [name, name === key ? replaced(entry, rest) : entry]));
}
