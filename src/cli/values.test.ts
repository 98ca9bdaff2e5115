import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { shellQuote } from "./shell-quote.ts";
import { durationMs, moment, priorityValue, wholeNumber } from "./values.ts";

describe("values", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
  ])("reads %s", (text, ms) => expect(durationMs(text)).toBe(ms));
  it.each(["", "5", "s", "-5s", "5 minutes", "1e3s"])("refuses %j as a duration", (text) =>
    expect(() => durationMs(text)).toThrow(/number with a unit/),
  );
  it("reads times", () => {
    const read = moment(() => 1_000);
    expect(read("+10s").getTime()).toBe(11_000);
    expect(read("2030-01-31T08:00Z").toISOString()).toBe("2030-01-31T08:00:00.000Z");
    for (const text of ["tomorrow", "1", "2030-13-45T99:00"]) expect(() => read(text)).toThrow(/a time such as/);
  });
  it("reads priorities and numbers", () => {
    expect([priorityValue("urgent"), priorityValue("-5"), priorityValue("+7")]).toEqual([-20, -5, 7]);
    for (const text of ["", "1.5", "1e9", "toString"]) expect(() => priorityValue(text)).toThrow(/urgent/);
    for (const text of ["", "x", "1e1", "0x10", "11"]) expect(() => wholeNumber(1, 10)(text)).toThrow(/whole number/);
  });
});

describe("shellQuote", () => {
  it
    .skipIf(process.platform === "win32")
    .each([
      "plain/path.jpg",
      "two words",
      "it's",
      '$(touch x) `y` "z" \\',
      "写真.jpg",
      "line\nbreak\u001b[31m'\\",
      "",
      "-rf",
    ])("%j comes back from bash as it was", (word) => {
    const quoted = shellQuote(word);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    expect(quoted).not.toMatch(/[\u0000-\u001f]/);
    expect(execFileSync("bash", ["-c", `printf %s ${quoted}`]).toString()).toBe(word);
  });
});
