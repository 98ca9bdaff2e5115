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
