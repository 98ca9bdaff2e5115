import { copyFile, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makePhotos } from "./support/photos.ts";
import { CliRun, jsonLines, runCli } from "./support/run-cli.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "milepost-cli-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

function run(...args: readonly string[]): ReturnType<typeof runCli> {
  return runCli(args, { cwd });
}

async function statusOf(name: string): Promise<Record<string, unknown>> {
  const { stdout } = await run("status", name, "--json");
  return JSON.parse(stdout);
}

describe("run images", () => {
  it("converts every file, says where they are, and ends with 0", async () => {
    await makePhotos(join(cwd, "photos"), 5);
    const { status, stdout, stderr } = await run(
      "run",
      "images",
      "photos",
      "--out",
      "small",
      "--width",
      "16",
      "--format",
      "webp",
    );
    expect(stdout).toMatch(
      /^images-small-[0-9a-f]{8}: completed: 5 completed; 5 items in [\d.]+ s\noutputs: .*small\n$/,
    );
    expect(stderr).toMatch(/: 0%, 0 of 5, /);
    expect(stderr).toMatch(/: 100%, 5 of 5, completed\n/);
    expect(status).toBe(0);
    const outputs = await readdir(join(cwd, "small"));
    expect(outputs.sort()).toEqual(["p00.webp", "p01.webp", "p02.webp", "p03.webp", "p04.webp"]);
    const { format, width } = await sharp(join(cwd, "small/p00.webp")).metadata();
    expect([format, width]).toEqual(["webp", 16]);
  });

  it("goes on with the same command and redoes nothing, also on a folder that grew", async () => {
    const photos = await makePhotos(join(cwd, "photos"), 3);
    const command = ["run", "images", "photos", "--out", "out"];
    expect((await run(...command)).status).toBe(0);
    const before = await stat(join(cwd, "out/p00.jpg"));
    const again = await run(...command);
    expect(again.stderr).toContain("3 of 3 done already; nothing is redone");
    expect(again.status).toBe(0);

    await copyFile(photos[0] ?? "", join(cwd, "photos/new.jpg"));
    const grown = await run(...command);
    expect(grown.stderr).toContain("3 of 3 done, 1 new");
    expect(grown.stdout).toMatch(/: completed: 4 completed; 1 item in /);
    const after = await stat(join(cwd, "out/p00.jpg"));
    expect([after.mtimeMs, after.ino]).toEqual([before.mtimeMs, before.ino]);
    expect((await run("list", "--json")).stdout.match(/"createdAt"/g)).toHaveLength(1);
  });

  it("takes outputs in the input's own folder for outputs", async () => {
    await makePhotos(join(cwd, "photos"), 2);
    const command = ["run", "images", "photos", "--out", "photos/small", "--name", "inner"];
    expect((await run(...command)).status).toBe(0);
    expect((await run(...command)).status).toBe(0);
    expect(await statusOf("inner")).toMatchObject({ counts: { total: 2, completed: 2 } });
  });

  it("fails broken images with a reason and ends with 1, and tells the command that tries them again", async () => {
    const photos = await makePhotos(join(cwd, "photos"), 2);
    await writeFile(join(cwd, "photos/evil\u001b[2J\nname.png"), "not an image");
    const { status, stdout } = await run("run", "images", "photos", "--name", "mixed");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^mixed: completed \(partial\): 2 completed, 1 failed; /);
    expect(stdout).toContain("evil\\e[2J\\nname.png");
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toContain("milepost retry mixed --failed && milepost run images photos --name mixed");

    await rm(join(cwd, "photos/evil\u001b[2J\nname.png"));
    await copyFile(photos[0] ?? "", join(cwd, "photos/evil\u001b[2J\nname.png"));
    expect((await run("retry", "mixed", "--failed")).stdout).toBe("mixed: 1 item pending again\n");
    expect((await run("run", "images", "photos", "--name", "mixed")).status).toBe(0);
  });

  it("refuses the same name with other options", async () => {
    await makePhotos(join(cwd, "photos"), 1);
    expect((await run("run", "images", "photos", "--name", "one", "--width", "9")).status).toBe(0);
    const { status, stderr } = await run("run", "images", "photos", "--name", "one", "--width", "8");
    expect(stderr).toMatch(/^milepost: batch one exists with other options[^\n]*\n$/);
    expect(status).toBe(2);
  });

  it("reads names from stdin, with strange ones ended by NUL", async () => {
    const [photo = ""] = await makePhotos(cwd, 1);
    await copyFile(photo, join(cwd, "two\nlines.jpg"));
    await copyFile(photo, join(cwd, "-rf.jpg"));
    const list = ["p00.jpg", "two\nlines.jpg", "-rf.jpg", ""].join("\0");
    const piped = await runCli(["run", "images", "--from-file", "-", "-0", "--name", "piped"], { cwd, stdin: list });
    expect(piped.stdout).toContain("piped: completed: 3 completed");
    expect(piped.status).toBe(0);
    const dashed = await run("run", "images", "--name", "dashed", "--", "-rf.jpg");
    expect(dashed.status).toBe(0);
  });

  it("leaves missing files out if told to", async () => {
    await makePhotos(join(cwd, "photos"), 1);
    const { status, stderr } = await run("run", "images", "photos", "gone.jpg", "--skip-missing");
    expect(stderr).toContain("left out: gone.jpg not found");
    expect(status).toBe(0);
  });

  it("prints JSON lines: progress, then the end", async () => {
    await makePhotos(join(cwd, "photos"), 2);
    const { stdout, stderr } = await run("run", "images", "photos", "--json");
    const lines = jsonLines(stdout);
    expect(lines).toHaveLength(stdout.trimEnd().split("\n").length);
    expect(stderr).toBe("");
    expect(new Set(lines.slice(0, -1).map((line) => line.type))).toEqual(new Set(["progress"]));
    expect(lines.at(-1)).toMatchObject({
      type: "end",
      failures: [],
      batch: { status: "completed", outcome: "success", percent: 100, counts: { total: 2, completed: 2 } },
    });
  });

  it.each([["C", "Nowhere/Zone"]])("works with LANG=%s and TZ=%s and without HOME", async (LANG, TZ) => {
    await makePhotos(join(cwd, "写真"), 1);
    const env = { LANG, LC_ALL: LANG, TZ, HOME: "" };
    const { status, stdout } = await runCli(["run", "images", "写真"], { cwd, env });
    expect([status, stdout.includes("completed")]).toEqual([0, true]);
  });
});

describe.skipIf(process.platform === "win32")("signals", () => {
  const command = ["run", "images", "photos", "--name", "cut", "--format", "webp", "--concurrency", "1"];

  function processed(run: CliRun): number {
    const last = jsonLines(run.stdout.slice(0, run.stdout.lastIndexOf("\n") + 1)).at(-1);
    const batch = last?.batch;
    return typeof batch === "object" && batch !== null && "processed" in batch ? Number(batch.processed) : 0;
  }

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s stops cleanly with %d, and the same command goes on", async (signal, status) => {
    await makePhotos(join(cwd, "photos"), 12, 900);
    const first = new CliRun([...command, "--json"], { cwd });
    await first.until((run) => processed(run) > 0);
    first.child.kill(signal);
    const end = await first.ended;
    expect(end.status).toBe(status);
    expect(jsonLines(end.stdout).at(-1)).toMatchObject({ type: "stop", batch: { counts: { processing: 0 } } });
    const half = await statusOf("cut");
    expect(half).toMatchObject({ status: "processing", endedAt: null });
    expect(Number(half.processed)).toBeGreaterThan(0);
    expect(Number(half.processed)).toBeLessThan(12);

    const rest = await run(...command);
    expect(rest.stderr).toMatch(new RegExp(`resuming cut: ${half.processed} of 12 done`));
    expect(rest.status).toBe(0);
    const { items } = JSON.parse((await run("items", "cut", "--json")).stdout);
    expect(items.map((item: { state: string; attempts: number }) => [item.state, item.attempts])).toEqual(
      Array.from({ length: 12 }, () => ["completed", 1]),
    );
    expect((await run("verify")).stdout).toBe("the store is sound\n");
  });

  it("says how to go on", async () => {
    await makePhotos(join(cwd, "photos"), 12, 900);
    const first = new CliRun(command, { cwd });
    const watcher = new CliRun(["watch", "cut", "--json"], { cwd });
    await first.until((run) => run.stderr.includes("0 of 12"));
    first.child.kill("SIGINT");
    const end = await first.ended;
    expect(end.stderr).toMatch(/stopped: cut, \d+ of 12 done; nothing that is done is redone\n/);
    expect(end.stderr).toContain("go on with: milepost run images photos --name cut --format webp --concurrency 1\n");
    watcher.child.kill("SIGINT");
    await watcher.ended;
  });

  it("ends at once at the second signal, and loses nothing that was done", async () => {
    await makePhotos(join(cwd, "photos"), 3, 2500);
    const first = new CliRun([...command, "--json"], { cwd });
    await first.until((run) => processed(run) > 0);
    first.child.kill("SIGINT");
    await first.until((run) => run.stdout.includes('"notice"'));
    first.child.kill("SIGINT");
    expect((await first.ended).status).toBe(130);
    const rest = await run(...command);
    expect(rest.status).toBe(0);
    expect(await statusOf("cut")).toMatchObject({ outcome: "success", counts: { total: 3, completed: 3 } });
    expect((await run("verify")).status).toBe(0);
  });
});
