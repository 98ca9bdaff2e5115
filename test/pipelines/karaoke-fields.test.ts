import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fieldsTable } from "../../scripts/karaoke-fields.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { BUILT_IN_PRESETS } from "../../src/pipelines/karaoke/presets.ts";
import { parseProject } from "../../src/pipelines/karaoke/project.ts";

const page = readFileSync(new URL("../../docs/karaoke.md", import.meta.url), "utf8");

test("docs/karaoke.md has the fields of projects; `node scripts/karaoke-fields.ts` writes them", () => {
  expect(page).toContain(fieldsTable());
});

test("its bounds and presets are those of the program", () => {
  const containers = LIMITS.lyricsWords + 2 * LIMITS.lyricsLines + LIMITS.projectValues;
  expect(page).toContain(`JSON file | ${containers.toLocaleString("en")} |`);
  const { lyricsLineLength, lyricsLines, lyricsWords, lineWords, lineLength, wordLength, projectValues } = LIMITS;
  for (const bound of [lyricsLineLength, lyricsLines, lyricsWords, lineWords, 2 * lineWords, lineLength, wordLength]) {
    expect(page).toContain(bound.toLocaleString("en"));
  }
  expect([LIMITS.lyricsBytes, LIMITS.projectBytes, LIMITS.songMs]).toEqual([
    16 * 2 ** 20,
    16 * 2 ** 20,
    24 * 3_600_000,
  ]);
  expect(page).toContain(`at most ${projectValues.toLocaleString("en")} values`);
  for (const name of BUILT_IN_PRESETS.keys()) expect(page).toContain(`\`${name}\``);
});

test("its project is one", () => {
  const example = /```json\n(\{\n {2}"lyrics"[\s\S]*?)```/.exec(page)?.[1] ?? "";
  expect(parseProject(JSON.parse(example), "example")).toMatchObject({ style: { position: "bottom" } });
});
