import fc from "fast-check";
import { expect, it } from "vitest";
import { isStorableText, toJsonText, toStorableText, utf8Bytes } from "./json.ts";

const NOT_JSON = expect.objectContaining({ code: "NOT_JSON" });

it("what is accepted comes back the same", () => {
  const property = fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
    fc.pre(isStorableText(JSON.stringify(value)) && !JSON.stringify(value).includes("\\u0000"));
    fc.pre(!/\\ud[89a-f]/i.test(JSON.stringify(value)));
    expect(JSON.parse(toJsonText(value, "input"))).toEqual(JSON.parse(JSON.stringify(value)));
  });
  fc.assert(property);
});

it("what would come back as something else is refused, with its path", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 1);
  const odd = [
    new Date(),
    new Map(),
    1n,
    () => {},
    undefined,
    [undefined],
    Number.NaN,
    Infinity,
    "\0",
    "\ud800",
    { "\0": 1 },
    cycle,
    deep,
  ];
  for (const value of odd) expect(() => toJsonText(value, "input")).toThrow(NOT_JSON);
  expect(() => toJsonText({ a: [1, new Date()] }, "input")).toThrow("input.a[1]");
});

it("bytes are counted as UTF-8 has them, and bounded", () => {
  const property = fc.property(fc.string({ unit: "grapheme" }), (text) => {
    expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
  });
  fc.assert(property);
  expect(toJsonText("üü", "input", 6)).toBe('"üü"');
  expect(() => toJsonText("üüü", "input", 7)).toThrow(NOT_JSON);
});

it("any text is cut to what every store keeps", () => {
  const property = fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, bytesMax) => {
    const cut = toStorableText(`${text}\0\ud800`, bytesMax);
    expect(isStorableText(cut)).toBe(true);
    expect(utf8Bytes(cut)).toBeLessThanOrEqual(bytesMax);
  });
  fc.assert(property);
  expect(toStorableText("plain", 100)).toBe("plain");
  expect(toStorableText("€€", 5)).toBe("€");
});
