import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/open-for-test.ts";
import { CliRun, jsonLines, runCli } from "./support/run-cli.ts";

const LYRICS = "[00:00.00]<00:00.00>la <00:00.50>la<00:01.00>\n";
const SMALL = { video: { width: 160, height: 90, fps: 10 }, duration: 1 };

function songs(): string {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, "songs"));
  const put = (name: string, text: string): void => writeFileSync(join(cwd, "songs", name), text);
  put("words.lrc", LYRICS);
  put("a.json", JSON.stringify({ lyrics: "words.lrc", ...SMALL }));
  put("b.json", JSON.stringify({ lyrics: "words.lrc", ...SMALL }));
  put("wrong.json", '{\n  "lyrics": "words.lrc",\n  "duration": -1\n}');
  writeFileSync(join(cwd, "mine.json"), JSON.stringify({ tiny: { video: { width: 64, height: 36, fps: 5 } } }));
  return cwd;
}

test("run karaoke: whole videos, errors with their places, the same command goes on, a command at the end", async () => {
  const cwd = songs();
  const run = (...args: readonly string[]) => runCli(args, { cwd });
  const command = [
    "run",
    "karaoke",
    "songs",
    "--presets",
    "mine.json",
    "--retries",
    "0",
    "--then",
    "cp {out}/a.mp4 copy.mp4",
  ];
  const first = await run(...command);
  expect(first.stdout).toMatch(/^karaoke-videos-[0-9a-f]{8}: completed \(partial\): 2 completed, 1 failed; /);
  expect(first.stdout).toContain("wrong.json:3: ");
  expect(first.status).toBe(1);
  expect(readdirSync(join(cwd, "videos")).sort()).toEqual(["a.mp4", "b.mp4"]);
  expect(readFileSync(join(cwd, "videos", "a.mp4")).toString("latin1", 4, 8)).toBe("ftyp");
  expect(readFileSync(join(cwd, "copy.mp4"))).toEqual(readFileSync(join(cwd, "videos", "a.mp4")));
  expect((await run(...command)).stderr).toContain("done already; nothing is redone");

  const tiny = await run(
    "run",
    "karaoke",
    "songs/a.json",
    "--preset",
    "tiny",
    "--presets",
    "mine.json",
    "--json",
    "--name-template",
    "{name}-{preset}.mp4",
  );
  expect(tiny.status).toBe(0);
  const batch = jsonLines(tiny.stdout).at(-1) as { readonly batch: { readonly name: string } };
  const [page] = jsonLines((await run("items", batch.batch.name, "--json")).stdout) as [
    { items: readonly { output: object }[] },
  ];
  expect(page.items[0]?.output).toMatchObject({ path: join(cwd, "videos", "a-tiny.mp4"), frames: 5 });
});

test("run karaoke: what is wrong with the call is found before there is a store", async () => {
  const cwd = songs();
  const run = (...args: readonly string[]) => runCli(["run", "karaoke", "songs/a.json", ...args], { cwd });
  const unknown = await run("--preset", "720i");
  expect([unknown.status, unknown.stderr]).toEqual([3, expect.stringContaining('there is no preset "720i"')]);
  expect(await run("--presets", "none.json")).toMatchObject({ status: 3 });
  expect(await run("--name-template", "../{name}.mp4")).toMatchObject({ status: 2 });
  expect(await run("--then", "no-such-program-here")).toMatchObject({ status: 2 });
  expect(await run("--threads", "0")).toMatchObject({ status: 2 });
  expect(existsSync(join(cwd, ".milepost"))).toBe(false);
});

test("run karaoke: a second Ctrl-C leaves no half file either", async () => {
  const cwd = songs();
  const long = { lyrics: { lines: [{ words: [{ text: "la", start: 0, end: 1_000 }] }] }, duration: 3_000 };
  writeFileSync(join(cwd, "long.json"), JSON.stringify({ ...long, video: SMALL.video }));
  const half = () => readdirSync(join(cwd, "videos")).filter((name) => name.startsWith(".milepost-"));
  const run = new CliRun(["run", "karaoke", "long.json", "--json"], { cwd });
  await run.until(({ stdout }) => jsonLines(stdout).some(({ batch }) => (batch as { percent: number }).percent >= 6));
  expect(half()).toHaveLength(1);
  run.child.kill("SIGINT");
  await run.until(({ stdout }) => stdout.includes('"notice"'));
  run.child.kill("SIGINT");
  expect((await run.ended).status).toBe(130);
  expect(half()).toEqual([]);
});

test("karaoke preview draws one frame and overwrites no file of the project", async () => {
  const cwd = songs();
  const run = (...args: readonly string[]) => runCli(["karaoke", "preview", ...args], { cwd });
  expect(await run("songs/a.json", "--at", "0:00.6")).toMatchObject({
    status: 0,
    stdout: `${join(cwd, "frame.png")}\n`,
  });
  expect(readFileSync(join(cwd, "frame.png")).toString("latin1", 1, 4)).toBe("PNG");
  expect(await run("songs/a.json", "--out", "songs/words.lrc")).toMatchObject({ status: 2 });
  expect(readFileSync(join(cwd, "songs", "words.lrc"), "utf8")).toBe(LYRICS);
  expect(await run("songs/a.json", "--at", "soon")).toMatchObject({ status: 2 });
  const wrong = await run("songs/wrong.json");
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("wrong.json:3: ")]);
});
