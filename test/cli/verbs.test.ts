import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readTrace } from "../../bench/eta/trace.ts";
import { openMilepost } from "../../src/open-milepost.ts";
import type { Reading } from "../../src/ports/reading.ts";
import { MIGRATIONS, migrate } from "../../src/stores/sqlite/migrator.ts";
import { callMain } from "./support/call-main.ts";
import { CliRun, jsonLines, runCli } from "./support/run-cli.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "milepost-cli-"));
  await mkdir(join(cwd, ".milepost"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** A batch of `items` in the default store that nobody works on. */
async function submitWaiting(name: string, items: readonly string[], queue = "default"): Promise<void> {
  await using milepost = await openMilepost(join(cwd, ".milepost/milepost.db"));
  await milepost.submit({ pipeline: "sleepy", name, queue, items });
}

/** A batch whose items starting with `bad` have failed. */
async function submitEnded(name: string, items: readonly string[]): Promise<void> {
  await using milepost = await openMilepost(join(cwd, ".milepost/milepost.db"));
  milepost.pipeline("judge", ({ key }) => {
    if (key.startsWith("bad")) throw new Error(`cannot read\u001b[31m this ${key.slice(0, 4)}`);
    return null;
  });
  const { batch } = await milepost.submit({ pipeline: "judge", name, items, attempts: 1 });
  await milepost.work();
  await batch.done();
}

async function call(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await callMain(args, cwd);
  expect([args, status, stderr]).toEqual([args, 0, ""]);
  return stdout;
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await call(...args, "--json"));
}

describe("looking", () => {
  it("trace record writes what ran, without names, in the format that the benchmark reads", async () => {
    await submitEnded("mixed", ["a", "b", "bad1"]);
    await call("trace", "record", "mixed");
    const { status, stderr } = await callMain(["trace", "record", "mixed", "--out", "t.json"], cwd);
    expect([status, stderr]).toEqual([0, "3 items in t.json\n"]);
    const trace = readTrace(join(cwd, "t.json"));
    expect(trace).toMatchObject({
      name: "mixed",
      group: "judge",
      items: [{ size: null }, { size: null }, { size: null }],
    });
    const codes = trace.events.map(({ code, item, x }) => [item, code, x]).toSorted();
    expect(codes).toEqual([
      [0, "d", 0],
      [0, "s", 0],
      [1, "d", 0],
      [1, "s", 0],
      [2, "f", 1],
      [2, "s", 0],
    ]);
    expect(JSON.stringify(trace)).not.toContain("bad1");
  });

  it("status says why there is no time left", async () => {
    await submitWaiting("idle", ["a"]);
    expect(await json("status", "idle")).toMatchObject({
      estimate: null,
      estimatedTimeRemaining: null,
      noEstimate: { reason: "no-workers", afterResume: null },
    });
    expect(await call("status", "idle")).toContain("no worker runs it");
  });

  it("status --json has the documented fields", async () => {
    await submitEnded("mixed", ["a", "b", "bad1"]);
    const status = await json("status", "mixed");
    expect(status).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "mixed",
      queue: "judge",
      pipeline: "judge",
      status: "completed",
      outcome: "partial",
      counts: { total: 3, pending: 0, processing: 0, completed: 2, failed: 1, cancelled: 0 },
      processed: 3,
      percent: 100,
      estimate: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      startedAt: expect.stringMatching(/Z$/),
      endedAt: expect.stringMatching(/Z$/),
    });
    expect(await json("status")).toEqual(status);
    expect(await json("status", String(status.id))).toEqual(status);
  });

  it("status, failures and items escape what they show", async () => {
    await submitEnded("mixed", ["a\nb", "bad1", "bad1\u202egpj"]);
    const shown = [await call("status", "mixed"), await call("failures", "mixed"), await call("items", "mixed")].join(
      "",
    );
    expect(shown).toContain("2 × cannot read\\e[31m this bad1, such as bad1");
    expect(shown).toContain("a\\nb");
    expect(shown).toContain("bad1\\u{202e}gpj");
    for (const unsafe of ["\u001b", "\u202e"]) expect(shown).not.toContain(unsafe);
    expect(await json("failures", "mixed")).toEqual({
      failures: [{ message: "cannot read\u001b[31m this bad1", code: null, items: 2, example: expect.anything() }],
    });
  });

  it("list and items give pages and the command for the next", async () => {
    await submitWaiting("first", ["1", "2", "3"]);
    await submitWaiting("second", ["1"]);
    const page = await callMain(["items", "first", "--limit", "2", "--state", "pending"], cwd);
    const next = /more: milepost items first --state pending --after (\S+)\n/.exec(page.stderr)?.[1] ?? "";
    expect(await json("items", "first", "--after", next)).toMatchObject({ items: [{ key: "3" }], nextCursor: null });
    const newest = await json("list", "--limit", "1");
    expect(newest).toMatchObject({ batches: [{ name: "second" }], nextCursor: expect.any(String) });
    const older = await json("list", "--after", String(newest.nextCursor));
    expect(older).toMatchObject({ batches: [{ name: "first" }] });
    expect(await call("list")).toMatch(/^BATCH +STATUS +DONE +ITEMS +FAILED +QUEUE +CREATED\nsecond +pending /);
    expect(await json("list", "--status", "completed")).toEqual({ batches: [], nextCursor: null });
  });

  it("wait tells the end by its status", async () => {
    await submitEnded("good", ["a"]);
    await submitEnded("mixed", ["a", "bad"]);
    await submitWaiting("open", ["a"]);
    expect(await call("wait", "good")).toBe("good: completed: 1 completed\n");
    expect((await callMain(["wait", "mixed"], cwd)).status).toBe(1);
    const late = await callMain(["wait", "open", "--timeout", "1ms"], cwd);
    expect([late.status, late.stderr]).toEqual([1, "milepost: open has not ended in the given time\n"]);
  });

  it("watch shows a batch of another process until it ends", async () => {
    await submitWaiting("far", ["a", "b"]);
    const watching = new CliRun(["watch", "far", "--json"], { cwd });
    await watching.until((run) => run.stdout.includes('"progress"'));
    await call("cancel", "far");
    const { status, stdout } = await watching.ended;
    expect(status).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "progress", batch: { status: "cancelled", percent: 100 } });
  });

  it("doctor knows versions, store and workers", async () => {
    await submitWaiting("first", ["1"]);
    expect(await json("doctor")).toMatchObject({
      node: process.versions.node,
      store: join(cwd, ".milepost/milepost.db"),
      batches: 1,
      workers: [],
      problems: [],
      warnings: [],
    });
    const { readings } = (await json("doctor")) as { readings: readonly Reading[] };
    const values = new Map(readings.map(({ name, value }) => [name, value]));
    expect(values.get("sqlite")).toBe(process.versions.sqlite);
    expect([...values.keys()]).toEqual(["sqlite", "schema", "size", "free", "log"]);
    const text = await call("doctor");
    expect(text).toMatch(/^schema +\d+$/m);
    expect(text).toMatch(/^open +1 batch$/m);
  });

  it("doctor makes no store where there is none", async () => {
    expect(await call("doctor", "--store", "none.db")).toContain("none yet");
    expect(existsSync(join(cwd, "none.db"))).toBe(false);
  });

  it("migrate brings an older store up to date and says so; --check only looks", async () => {
    const path = join(cwd, "old.db");
    const db = new DatabaseSync(path);
    migrate(db, { path, now: 1, migrations: MIGRATIONS.slice(0, 1) });
    db.close();
    const check = await callMain(["migrate", "--check", "--store", "old.db"], cwd);
    expect([check.status, check.stdout]).toEqual([
      1,
      `missing: 2 drain\n${path} has schema 1 of ${MIGRATIONS.length}\n`,
    ]);
    expect(await json("migrate", "--store", "old.db")).toMatchObject({ before: 1, after: MIGRATIONS.length });
    expect(await call("migrate", "--check", "--store", "old.db")).toContain("is up to date");
    expect(await call("migrate", "--store", "old.db")).toBe(`${path} is up to date, schema ${MIGRATIONS.length}\n`);
    expect((await callMain(["migrate", "--store", "none.db"], cwd)).status).toBe(4);
    await writeFile(join(cwd, "text.db"), "no database at all, but a text of some length".repeat(9));
    const wrong = await callMain(["migrate", "--check", "--store", "text.db"], cwd);
    expect([wrong.status, wrong.stdout]).toEqual([4, ""]);
  });
});

describe("control", () => {
  it("pauses, resumes, stops and cancels batches and queues", async () => {
    await submitWaiting("one", ["a", "b"], "slow");
    expect(await call("pause", "one")).toBe("one: paused\n");
    expect(await json("status", "one")).toMatchObject({ status: "paused" });
    expect(await call("pause", "one")).toBe("one was paused already\n");
    expect(await call("resume", "one")).toBe("one: resumed\n");
    expect(await json("status", "one")).toMatchObject({ status: "pending" });
    expect(await call("stop", "--queue", "slow")).toBe("queue slow: stopped\n");
    expect(await call("resume", "--queue", "slow")).toBe("queue slow: resumed\n");
    expect(await call("cancel", "one", "a")).toBe("a: cancelled\n");
    expect(await call("cancel", "one")).toMatch(/^one: cancelled/);
    expect(await json("status", "one")).toMatchObject({ status: "cancelled", counts: { cancelled: 2 } });
    expect(await call("retry", "one", "--failed")).toBe("one has nothing to retry\n");
    const retried = await callMain(["retry", "one"], cwd);
    expect([retried.stdout, retried.status]).toEqual(["one: 2 items pending again\n", 0]);
    expect(retried.stderr).toContain("nobody works on this store now; run milepost work --until-idle");
  });

  it("holds and orders items, named by batch and key, by path, or by id", async () => {
    await submitWaiting("one", ["a", join(cwd, "b.jpg")]);
    expect(await call("hold", "one", "b.jpg")).toBe("b.jpg: held\n");
    const { items } = (await json("items", "one")) as { items: { id: string; isHeld: boolean }[] };
    expect(items.map((item) => item.isHeld)).toEqual([false, true]);
    expect(await call("unhold", items[1]?.id ?? "")).toContain("no longer held");
    expect(await call("priority", "one", "a", "urgent")).toBe("a: priority -20\n");
    expect(await call("priority", "one", "-5")).toBe("one: priority -5\n");
    expect(await json("status", "one")).toMatchObject({ priority: -5 });
    expect(await json("items", "one")).toMatchObject({ items: [{ priority: -20 }, { priority: 0 }] });
    expect((await callMain(["hold", "one"], cwd)).status).toBe(2);
    expect((await callMain(["pause", "one", "--queue", "default"], cwd)).status).toBe(2);
  });

  it("refuses what the state forbids, with 2 and a reason", async () => {
    await submitEnded("done", ["a"]);
    for (const args of [
      ["hold", "done", "a"],
      ["cancel", "done", "a"],
      ["retry", "done", "a"],
    ]) {
      const { status, stderr } = await callMain(args, cwd);
      expect([args, status]).toEqual([args, 2]);
      expect(stderr).toMatch(/^milepost: [^\n]*completed[^\n]*\n$/);
    }
  });

  it("removes and prunes records", async () => {
    await submitEnded("old", ["a"]);
    await submitEnded("older", ["a"]);
    await submitWaiting("open", ["a"]);
    expect(await call("prune", "--older-than", "1h")).toBe("0 batches deleted\n");
    expect((await json("prune", "--keep", "1")).removed).toHaveLength(1);
    await call("remove", "older");
    expect((await callMain(["status", "older"], cwd)).status).toBe(3);
    expect(await json("list")).toMatchObject({ batches: [{ name: "open" }] });
    expect(await call("verify")).toBe("the store is sound\n");
    expect(await json("repair")).toEqual({ findings: [] });
  });

  it("work runs what waits until nothing is left", async () => {
    await using milepost = await openMilepost(join(cwd, ".milepost/milepost.db"));
    const { batch } = await milepost.submit({
      pipeline: "images",
      name: "w",
      options: { out: cwd },
      items: ["/gone.jpg"],
    });
    const { status, stderr } = await runCli(["work", "--until-idle"], { cwd });
    expect(status).toBe(0);
    expect(stderr).toContain("working on all queues; Ctrl-C stops");
    expect(await batch.snapshot()).toMatchObject({ status: "failed", counts: { failed: 1 } });
  });

  it.skipIf(process.platform === "win32")("work ends with 130 at Ctrl-C", async () => {
    const working = new CliRun(["work"], { cwd });
    await working.until((run) => run.stderr.includes("Ctrl-C stops"));
    working.child.kill("SIGINT");
    expect((await working.ended).status).toBe(130);
  });
});

describe.skipIf(process.platform === "win32")("output that cannot be written", () => {
  const shell = promisify(execFile);
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

  it("ends quietly when the reader goes away", async () => {
    await submitWaiting(
      "many",
      Array.from({ length: 1_000 }, (_, index) => `${"x".repeat(200)}${index}`),
    );
    const script = `"$0" "$1" items many --limit 1000 --json | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await shell("bash", ["-c", script, process.execPath, main], { cwd });
    expect(stderr).toBe("");
    expect(["0\n", "141\n"]).toContain(stdout);
  });

  it.skipIf(process.platform !== "linux")("is an error when the disk is full", async () => {
    await submitWaiting("one", ["a"]);
    const failure = await shell("bash", ["-c", '"$0" "$1" list > /dev/full', process.execPath, main], { cwd }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 1, stderr: "milepost: cannot write the output (ENOSPC)\n" });
  });
});
