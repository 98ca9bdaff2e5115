import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CommandOptions, compileCommand, toCommandOptions } from "../../src/pipelines/command/command-pipeline.ts";
import { valuesOf } from "../../src/pipelines/command/placeholders.ts";
import { splitWords } from "../../src/pipelines/command/split-words.ts";

/** What runs for the item `key`. */
function argvOf(command: string, key: string, options: Partial<CommandOptions> = {}): readonly string[] {
  const checked = toCommandOptions({ command, cwd: "/work", out: "/work/out", ...options });
  return compileCommand(checked).argv(valuesOf({ key, n: 7, out: checked.out ?? "" }));
}

/** What the shell makes of the words of a command that prints each on a line of its own, NUL for line breaks. */
function printedByShell(command: string, key: string): readonly string[] {
  const [program = "", ...args] = argvOf(command, key, { shell: true });
  return execFileSync(program, args, { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("placeholders", () => {
  it.each([
    ["{}", "photos/a b.tar.gz"],
    ["{name}", "a b.tar"],
    ["{base}", "a b.tar.gz"],
    ["{ext}", "gz"],
    ["{dir}", "photos"],
    ["{n}", "7"],
    ["{out}/{n}-{name}.png {}", "/work/out/7-a b.tar.png"],
  ])("%s", (text, expected) => {
    expect(argvOf(`run ${text}`, "photos/a b.tar.gz")[1]).toBe(expected);
  });

  it("stand for nothing that is not there", () => {
    expect(argvOf("run {dir} x{ext}x {name}", "plain")).toEqual(["run", ".", "xx", "plain"]);
    expect(argvOf("run {name} {ext}", ".hidden")).toEqual(["run", ".hidden", ""]);
  });

  it("leave the item as the last argument where none of its own is used", () => {
    expect(argvOf("gzip -k", "a b")).toEqual(["gzip", "-k", "a b"]);
    expect(argvOf("cp -t {out}", "a")).toEqual(["cp", "-t", "/work/out", "a"]);
    expect(argvOf("echo {n}", "a")).toEqual(["echo", "7"]);
  });

  it("are taken as they stand in doubled braces, and where they are other text in braces", () => {
    expect(argvOf("run {{}} {{name}} {}", "a")).toEqual(["run", "{}", "{name}", "a"]);
    const others = ["'{print $1}'", "{a,b}", "'{\"k\":1}'", "{1..3}", "{NAME}", "'{ x }'"];
    expect(argvOf(`run ${others.join(" ")} {}`, "x").slice(1, -1)).toEqual(
      others.map((text) => text.replaceAll("'", "")),
    );
  });

  it.each(["{nmae}", "{.}", "{/.}", "{#}", "{1}"])("%s is refused with those that are known", (text) => {
    expect(() => argvOf(`run ${text}`, "a")).toThrow(/unknown placeholder \{.*known: \{\} \{name\} \{base\} \{ext\}/);
  });

  it("of items are refused in a command for the whole batch", () => {
    expect(argvOf("ls {out}", "", { per: "batch" })).toEqual(["ls", "/work/out"]);
    expect(() => argvOf("ls {}", "", { per: "batch" })).toThrow(/unknown placeholder \{\}; known: \{out\}/);
  });
});

describe("without a shell", () => {
  it("splits by quotes and backslashes, once", () => {
    expect(splitWords(`a 'b c' "d \\"e\\" \\x" f\\ g '' "" h'i'"j" \\\n k`)).toEqual([
      ...'a,b c,d "e" \\x,f g,,,hij,k'.split(","),
    ]);
    expect(splitWords(" \t\n ")).toEqual([]);
  });

  it("keeps every item inside of its argument, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (key) => {
        expect(argvOf("run -a={} 'b {}' \"{}\"", key)).toEqual(["run", `-a=${key}`, `b ${key}`, key]);
      }),
    );
  });

  it.each(["a | b", "a > b", "a; b", "a && b", "a $HOME", 'a "$(b)"', "a `b`", "(a)", "a < b"])(
    "refuses what only a shell could do: %s",
    (command) => expect(() => argvOf(command, "x")).toThrow(/needs a shell.*--shell/),
  );

  it("passes on what is quoted, and a sign of dollar that is no variable", () => {
    expect(argvOf("a '|' \\> '$HOME' \"x;y\" 5$ {}", "x")).toEqual(["a", "|", ">", "$HOME", "x;y", "5$", "x"]);
  });

  it.each(["a 'b", 'a "b'])("refuses an open quote: %s", (command) => {
    expect(() => argvOf(command, "x")).toThrow(/is not closed/);
  });

  it("refuses an empty command", () => {
    expect(() => argvOf("", "x")).toThrow(/not empty/);
    expect(() => argvOf(" \\\n ", "x")).toThrow(/empty/);
  });
});

describe("with a shell", () => {
  const print = "printf '%s\\0'";
  const NASTY = [
    "a b",
    "it's",
    '"',
    "$(echo pwned)",
    "`echo pwned`",
    "; echo pwned",
    "-n",
    "two\nlines",
    "*",
    "\\",
    "~",
    "é",
  ];

  it.each(NASTY)("%j is one word, alone and between double quotes", (key) => {
    expect(printedByShell(`${print} {} "{}" x{}y "x {} y"`, key)).toEqual([key, key, `x${key}y`, `x ${key} y`]);
  });

  it.each(NASTY.filter((key) => !key.endsWith("\n")))("%j is one word inside of substitutions", (key) => {
    const nested = `${print} "$(${print} "{}" | tr '\\0' .)" \`echo "x"\` "$( (${print} {}) | tr '\\0' .)"`;
    expect(printedByShell(nested, key)).toEqual([`${key}.`, "x", `${key}.`]);
  });

  it("knows a variable of the shell from a placeholder", () => {
    expect(printedByShell(`name=own; ${print} "\${name}" {name} \\\${{name}}`, "a.png")).toEqual([
      "own",
      "a",
      "$" + "{name}",
    ]);
  });

  it("gets the item as its last word where none is used", () => {
    expect(printedByShell("printf '%s\\0' x", "a b")).toEqual(["x", "a b"]);
  });

  it("refuses a placeholder between single quotes, where nothing is filled in", () => {
    expect(() => argvOf("awk '/{}/'", "x", { shell: true })).toThrow(/between single quotes/);
    expect(argvOf("awk '{print $1}' {}", "x", { shell: true })[2]).toBe(`awk '{print $1}' "$\{1}"`);
  });
});
