import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { workersSchema } from "../../src/wire/worker.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { callMain } from "./support/call-main.ts";
import { CliRun } from "./support/run-cli.ts";

describe.skipIf(process.platform === "win32")("milepost workers and drain", () => {
  test("a process that works is seen from another, is drained, and ends with status 0", async () => {
    const folder = temporaryFolder();
    const gate = join(folder, "gate-one");
    execFileSync("mkfifo", [gate]);
    const milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
    onTestFinished(() => milepost.close());
    const items = ["one", "two"].map((key) => ({ key, input: { item: key, number: 1 } }));
    const options = { command: `cat ${folder}/gate-{}`, cwd: folder };
    const { batch } = await milepost.submit({ pipeline: "command", name: "gated", items, options });

    const working = new CliRun(["work", "--concurrency", "1"], { cwd: folder });
    onTestFinished(() => void working.child.kill("SIGKILL"));
    for await (const { counts } of batch.watch({ everyMs: 5 })) if (counts.processing === 1) break;
    const { stdout } = await callMain(["workers", "--json"], folder);
    const [worker] = workersSchema.strict().parse(JSON.parse(stdout)).workers;
    expect(worker).toMatchObject({
      pid: working.child.pid,
      concurrency: 1,
      items: [{ key: "one", state: "processing" }],
    });
    const table = (await callMain(["workers"], folder)).stdout;
    expect(table).toMatch(/^WORKER +STATE +SLOTS +HOLDS/);
    expect(table).toContain("works");
    expect(table).toMatch(/one +0% +just now/);

    const name = worker?.name ?? "";
    const waiting = callMain(["drain", worker?.workerId ?? "", "--wait"], folder);
    while (!(await milepost.workers())[0]?.isDraining) await new Promise(setImmediate);
    expect((await callMain(["drain", name], folder)).stdout).toBe(`worker ${name}: draining; 1 item to go\n`);
    expect((await callMain(["workers"], folder)).stdout).toContain("draining");
    writeFileSync(gate, "through\n");
    expect((await working.ended).status).toBe(0);
    expect(working.stderr).toContain("drained: what ran has ended");
    expect(await waiting).toMatchObject({ status: 0, stdout: `worker ${worker?.workerId}: has left\n` });
    expect((await batch.snapshot()).counts).toMatchObject({ completed: 1, pending: 1 });
    expect(await callMain(["workers"], folder)).toMatchObject({
      status: 0,
      stdout: "",
      stderr: expect.stringContaining("nobody works"),
    });
  });

  test("a run that is drained says how to go on", async () => {
    const folder = temporaryFolder();
    const gate = join(folder, "gate-one");
    execFileSync("mkfifo", [gate]);
    const args = ["run", "command", `cat ${folder}/gate-{}`, "one", "two", "--name", "gated", "--concurrency", "1"];
    const running = new CliRun(args, { cwd: folder });
    onTestFinished(() => void running.child.kill("SIGKILL"));
    await running.until(({ stderr }) => stderr.includes("of 2"));
    const milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
    onTestFinished(() => milepost.close());
    for await (const { counts } of milepost.batch("gated").watch({ everyMs: 5 })) if (counts.processing === 1) break;
    const [worker] = await milepost.workers();
    await milepost.drain(worker?.id ?? "");
    writeFileSync(gate, "through\n");
    const { status, stderr } = await running.ended;
    expect(status).toBe(0);
    expect(stderr).toContain("go on with: milepost run command");
    expect((await milepost.batch("gated").snapshot()).counts).toMatchObject({ completed: 1, pending: 1 });
  });

  test("whom nobody knows is not found, and a name of several asks for an id", async () => {
    const folder = temporaryFolder();
    const milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
    onTestFinished(() => milepost.close());
    expect(await callMain(["drain", "nobody:1"], folder)).toMatchObject({ status: 3, stdout: "" });
    const remote = milepost.remoteWorkers();
    for (let opened = 0; opened < 2; opened++) await remote.open({ name: "py" });
    const { status, stderr } = await callMain(["drain", "py"], folder);
    expect([status, stderr]).toEqual([2, expect.stringContaining("2 workers are called so")]);
    const [first] = await milepost.workers();
    expect((await callMain(["drain", first?.id ?? ""], folder)).stdout).toContain("draining; it leaves now");
  });
});
