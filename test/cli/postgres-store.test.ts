import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../support/open-for-test.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

function milepost(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, ...env },
  });
  return { status, stdout, said: stdout + stderr };
}

test("a store on PostgreSQL is named by --store or MILEPOST_STORE, and its password is said nowhere", () => {
  const cwd = temporaryFolder();
  const { url } = cluster.newStore();
  const password = new URL(url).password;
  writeFileSync(join(cwd, "keys.txt"), "a\nb\nc\n");
  const missing = milepost(cwd, ["list", "--store", url]);
  expect(missing.status).not.toBe(0);
  const run = ["run", "command", "true", "--from-file", "keys.txt", "--name", "first", "--store", url];
  const first = milepost(cwd, [...run, "--then", 'test -n "$MILEPOST_BATCH"', "--shell"]);
  expect(first.status, first.said).toBe(0);
  const status = milepost(cwd, ["status", "first", "--json"], { MILEPOST_STORE: url });
  expect(JSON.parse(status.stdout)).toMatchObject({ status: "completed", counts: { total: 3, completed: 3 } });
  const failing = milepost(cwd, [
    "run",
    "command",
    "false",
    "--from-file",
    "keys.txt",
    "--name",
    "second",
    "--store",
    url,
  ]);
  expect(failing.status).not.toBe(0);
  const items = milepost(cwd, ["items", "second", "--json", "--store", url]);
  const verified = milepost(cwd, ["verify", "--store", url]);
  expect(verified.status, verified.said).toBe(0);
  for (const { said } of [missing, first, status, failing, items, verified]) expect(said).not.toContain(password);
});
