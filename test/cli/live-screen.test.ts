import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { displayWidth } from "../../src/format/width.ts";
import { callMain } from "./support/call-main.ts";
import { makePhotos } from "./support/photos.ts";

it("draws a live screen on a terminal, inside its width, and leaves the last state standing", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "milepost-cli-"));
  try {
    await makePhotos(join(cwd, "photos"), 6, 200);
    await writeFile(join(cwd, "photos/bad\nname.png"), "not an image");
    const args = ["run", "images", "photos", "--name", "live", "--concurrency", "2"];
    const { status, stdout, stderr } = await callMain(args, cwd, { columns: 60, rows: 10 });
    expect(status).toBe(1);
    expect(stdout).toContain("live: completed (partial): 6 completed, 1 failed");
    const lines = stripVTControlCharacters(stderr).split("\n");
    expect(lines).toContain("6 completed, 1 failed");
    expect(lines.some((line) => line.includes("100%  7 of 7"))).toBe(true);
    expect(Math.max(...lines.map(displayWidth))).toBeLessThan(60);
    // Synchronised output is switched off again, so that the terminal is not left frozen.
    expect(stderr.split("\u001b[?2026h").length).toBe(stderr.split("\u001b[?2026l").length);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});

it("draws no screen on a terminal that does not know its size, but tells the same in lines", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "milepost-cli-"));
  try {
    const args = ["run", "command", "true", "a", "--name", "small"];
    const { status, stderr } = await callMain(args, cwd, { columns: 0, rows: 0 });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^small: 100%, 1 of 1, completed$/m);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
