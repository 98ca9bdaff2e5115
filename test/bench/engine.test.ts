import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function bench(...args: readonly string[]) {
  return spawnSync(process.execPath, ["bench/bench.ts", ...args], { cwd: root, encoding: "utf8" });
}

describe("npm run bench", () => {
  test("engine --json prints machine, versions, runs and ratios, and nothing else on stdout", {
    timeout: 180_000,
  }, () => {
    const { status, stdout, stderr } = bench("engine", "--items", "2000", "--rounds", "1", "--samples", "5", "--json");
    expect(status, stderr).toBe(0);
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({
      bench: "engine",
      machine: { processor: expect.any(String), cores: expect.any(Number), memoryBytes: expect.any(Number) },
      versions: { milepost: expect.any(String), node: expect.any(String), sqlite: expect.any(String) },
      settings: { items: 2_000, rounds: 1 },
      ratios: {
        createToRaw: expect.any(Number),
        drainToRaw: expect.any(Number),
        lifeToRaw: expect.any(Number),
        drainToRaw1000: expect.any(Number),
        startToRaw: expect.any(Number),
        startElsewhereToRaw: expect.any(Number),
        progressToRaw: expect.any(Number),
        rawNoise: expect.any(Number),
      },
      ratioSpreads: { drainToRaw: { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) } },
    });
    const { runs } = report as { runs: readonly { case: string; side: string; figures: Record<string, number> }[] };
    const measured = new Set(runs.map((run) => `${run.side} ${run.case}`));
    for (const name of ["create", "drain"]) {
      for (const side of ["milepost", "raw100", "raw1000"]) expect(measured).toContain(`${side} ${name}`);
    }
    const figures = runs.flatMap((run) => Object.entries(run.figures));
    expect(figures.filter(([, value]) => !(Number.isFinite(value) && value >= 0))).toEqual([]);
  });

  test.each([
    [["engine", "--items", "many"], "--items must be a whole number above 0"],
    [["engine", "--only", "create,speed"], "--only takes some of create,drain"],
    [["speed"], "usage: npm run bench -- engine|"],
  ])("%j says what is wrong, and prints nothing on stdout", (args, message) => {
    const { status, stdout, stderr } = bench(...args);
    expect(status).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  });
});
