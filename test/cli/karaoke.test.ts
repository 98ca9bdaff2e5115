import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/open-for-test.ts";
import { callMain } from "./support/call-main.ts";

test("karaoke schema prints a JSON Schema with a description of every field of a project", async () => {
  const { status, stdout, stderr } = await callMain(["karaoke", "schema"], temporaryFolder());
  expect([status, stderr]).toEqual([0, ""]);
  const schema = JSON.parse(stdout) as {
    readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  };
  expect(schema.properties).toHaveProperty("lyrics");
  expect(Object.entries(schema.properties).filter(([, { description }]) => description === undefined)).toEqual([]);
});

const LYRICS = { lines: [{ words: [{ text: "hello", start: 0, end: 1 }] }] };
const VIDEO = { width: 64, height: 36 };

test.each([
  ["a font that is none", { style: { font: "bad.ttf" } }, /song\.json: bad\.ttf: style\.font: is damaged or no font/],
  [
    "a picture that is none",
    { background: { type: "image", path: "bad.ttf" } },
    /song\.json: bad\.ttf: the background picture/,
  ],
  [
    "letters that no font has",
    { lyrics: { lines: [{ words: [{ text: "\u{1e900}", start: 0, end: 1 }] }] } },
    /no font .*install/,
  ],
])("karaoke preview tells of %s and what to do, as of wrong use", async (_name, fields, message) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "bad.ttf"), "no font");
  writeFileSync(join(folder, "song.json"), JSON.stringify({ lyrics: LYRICS, video: VIDEO, ...fields }));
  const { status, stderr } = await callMain(["karaoke", "preview", "song.json"], folder);
  expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  expect(stderr).not.toContain("unexpected");
});

test("karaoke preview makes the folder of its picture, and tells where there can be none", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "song.json"), JSON.stringify({ lyrics: LYRICS, video: VIDEO }));
  mkdirSync(join(folder, "taken"));
  const preview = (out: string) => callMain(["karaoke", "preview", "song.json", "--out", out], folder);
  expect(await preview("new/frame.png")).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(join(folder, "new"))).toEqual(["frame.png"]);
  for (const out of ["taken", "song.json/frame.png"]) {
    const { status, stderr } = await preview(out);
    expect([status, stderr]).toEqual([2, expect.stringContaining("cannot write the output: a ")]);
  }
});
