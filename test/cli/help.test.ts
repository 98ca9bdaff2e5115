import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { callMain } from "./support/call-main.ts";

const VERBS = [
  "run",
  "run images",
  "run documents",
  "run karaoke",
  "run command",
  "work",
  "serve",
  "list",
  "status",
  "items",
  "failures",
  "watch",
  "wait",
  "workers",
  "documents",
  "documents search",
  "karaoke",
  "karaoke preview",
  "karaoke schema",
  "pause",
  "resume",
  "stop",
  "cancel",
  "retry",
  "hold",
  "unhold",
  "priority",
  "drain",
  "remove",
  "prune",
  "verify",
  "repair",
  "copy",
  "migrate",
  "doctor",
  "trace",
  "trace record",
  "help",
] as const;

describe("help", () => {
  it("lists every verb, on stdout", async () => {
    const { status, stdout, stderr } = await callMain(["--help"], tmpdir());
    expect([status, stderr]).toEqual([0, ""]);
    for (const verb of VERBS) expect(stdout).toMatch(new RegExp(`^ {2}${verb.split(" ")[0]}\\b`, "m"));
    await expect(stdout).toMatchFileSnapshot("help/milepost.txt");
  });

  it.each(VERBS)("%s --help", async (verb) => {
    const { status, stdout, stderr } = await callMain([...verb.split(" "), "--help"], tmpdir());
    expect([status, stderr]).toEqual([0, ""]);
    if (!["run", "trace", "documents", "karaoke", "help"].includes(verb)) expect(stdout).toContain("\nExamples:\n");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
    await expect(stdout).toMatchFileSnapshot(`help/${verb.replace(" ", "-")}.txt`);
  });

  it.each(VERBS)("help %s is the same", async (verb) => {
    const [asked, told] = [
      await callMain([...verb.split(" "), "--help"], tmpdir()),
      await callMain(["help", ...verb.split(" ")], tmpdir()),
    ];
    expect(told).toEqual(asked);
  });

  it("is what a bare command gets, as wrong use", async () => {
    const { status, stdout, stderr } = await callMain([], tmpdir());
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: milepost");
  });

  it("prints the version", async () => {
    const { status, stdout } = await callMain(["--version"], tmpdir());
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
