import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";
import { callMain } from "./support/call-main.ts";
import { CliRun } from "./support/run-cli.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

describe("milepost on PostgreSQL", () => {
  test("migrate makes the schema, once, with its partitions; doctor tells of it without the password", async () => {
    const { url, schema } = cluster.newStore();
    const folder = temporaryFolder();
    const call = (...words: readonly string[]) => callMain([...words, "--store", url], folder);
    expect(await call("migrate", "--check")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/schema 0 of \d/),
    });
    expect((await call("migrate", "--partitions", "3")).stdout).toContain("done: 1 initial");
    expect(await call("migrate", "--check")).toMatchObject({ status: 0 });
    expect(await call("migrate", "--partitions", "3")).toMatchObject({ status: 0 });
    const refused = await call("migrate", "--partitions", "4");
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("partitions=3") });
    const { status, stdout } = await call("doctor", "--json");
    const { readings, store } = JSON.parse(stdout);
    // The cluster of tests does without fsync, which is to be told.
    expect(status).toBe(process.env.DATABASE_URL === undefined ? 4 : status);
    expect(readings).toContainEqual({ name: "partitions", value: "3", verdict: "fine", advice: null });
    expect(store).toContain(schema);
    const { password } = new URL(url);
    if (password !== "") expect(stdout + refused.stderr).not.toContain(password);
    const file = await callMain(["migrate", "--partitions", "4", "--store", "memory:"], folder);
    expect(file.status).toBe(2);
  });

  test("copy moves a store from a file to PostgreSQL and back, and what was refused leaves nothing", async () => {
    const folder = temporaryFolder();
    const milepost = await openMilepost(join(folder, "old.db"), { logger: SILENT });
    milepost.pipeline("judge", ({ key }) => {
      if (key === "bad") throw new Error("cannot be read");
      return { key };
    });
    const { batch, id } = await milepost.submit({ pipeline: "judge", items: ["good", "bad"], attempts: 1 });
    await milepost.submit({ pipeline: "other", name: "two", items: ["waiting"] });
    const worker = await milepost.work();
    await batch.done();
    await worker.stop();
    const before = await batch.snapshot();
    await milepost.close();

    const { url, schema } = cluster.newStore();
    const there = await callMain(["copy", "old.db", url], folder);
    expect(there).toMatchObject({ status: 0, stdout: expect.stringContaining("3 items in 2 batches") });
    const { password } = new URL(url);
    if (password !== "") expect(there.stdout).not.toContain(password);
    expect((await callMain(["copy", "old.db", url], folder)).status).toBe(2);
    const again = await callMain(["copy", url, "new.db", "--json"], folder);
    const checksum = JSON.parse((await callMain(["copy", "old.db", "same.db", "--json"], folder)).stdout).checksum;
    expect(JSON.parse(again.stdout)).toMatchObject({ batches: 2, items: 3, checksum });

    await using copy = await openMilepost(url, { logger: SILENT });
    expect(await copy.batch(id).snapshot()).toEqual(before);
    copy.pipeline("other", () => {});
    await copy.work();
    expect(await copy.batch("two").done()).toMatchObject({ outcome: "success" });
    const empty = cluster.newStore();
    const refused = await callMain(["copy", url, empty.url], folder);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("nobody works on it") });
    expect(await cluster.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [empty.schema])).toEqual([]);
    expect(schema).not.toBe(empty.schema);
  });

  test.skipIf(process.platform === "win32")("serve and work are two processes on one store", async () => {
    const { url } = cluster.newStore();
    const folder = temporaryFolder();
    const args = ["serve", "--no-work", "--port", "0", "--store", url, "--files", "files"];
    const serving = new CliRun(args, { cwd: folder, env: { MILEPOST_TOKEN: "the-operators-own-token" } });
    onTestFinished(() => void serving.child.kill("SIGKILL"));
    await serving.until(({ stderr }) => stderr.includes("Ctrl-C stops"));
    const milepost = await openMilepost(url, { logger: SILENT });
    onTestFinished(() => milepost.close());
    const working = new CliRun(["work", "--store", url], { cwd: folder });
    onTestFinished(() => void working.child.kill("SIGKILL"));
    const items = ["one", "two"].map((key) => ({ key, input: { item: key, number: 1 } }));
    const { batch, id } = await milepost.submit({
      pipeline: "command",
      items,
      options: { command: "true {}", cwd: folder },
    });
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    const headers = { authorization: "Bearer the-operators-own-token" };
    const seen = await fetch(`${serving.stdout.trim()}/api/batches/${id}`, { headers });
    expect(await seen.json()).toMatchObject({ status: "completed", counts: { completed: 2 } });
    for (const run of [working, serving]) {
      run.child.kill("SIGTERM");
      expect((await run.ended).status).toBe(143);
    }
  });
});
