import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { CliRun } from "./support/run-cli.ts";

const TOKEN = "the-operators-own-token";

async function serve(...args: readonly string[]) {
  const folder = temporaryFolder();
  const run = new CliRun(["serve", "--port", "0", ...args], { cwd: folder, env: { MILEPOST_TOKEN: TOKEN } });
  onTestFinished(() => void run.child.kill("SIGKILL"));
  await run.until(({ stderr }) => stderr.includes("Ctrl-C stops"));
  const milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
  onTestFinished(() => milepost.close());
  const command = (shell: string) =>
    milepost.submit({
      pipeline: "command",
      items: [{ key: "one", input: { item: "one", number: 1 } }],
      options: { command: shell, shell: true, cwd: folder },
      crashBudget: 2,
    });
  return { run, url: run.stdout.trim(), milepost, command };
}

describe.skipIf(process.platform === "win32")("the process that works for `milepost serve`", () => {
  test("what brings it down again and again ends failed; the server answers and other work goes on", async () => {
    const { run, url, milepost, command } = await serve();
    const { batch } = await command("sleep 600; echo {}");
    const killed = new Set<number>();
    for await (const { counts } of batch.watch({ everyMs: 10 })) {
      const [worker] = await milepost.workers();
      if (counts.processing === 0 || typeof worker?.pid !== "number" || killed.has(worker.pid)) continue;
      killed.add(worker.pid);
      process.kill(worker.pid, "SIGKILL");
    }
    expect((await batch.snapshot()).status).toBe("failed");
    expect(killed.size).toBeGreaterThan(1);
    expect(killed.has(run.child.pid ?? 0)).toBe(false);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const after = await command("echo {}");
    expect((await after.batch.done()).outcome).toBe("success");
    expect(run.stderr).toContain("the process that works has ended; another one is started");
  });

  test("it ends before it takes more memory than it may, and is told why", async () => {
    const { run, url } = await serve("--memory", "1M");
    await run.until(({ stderr }) => /the work took \d+ bytes of memory; the limit is 1048576/.test(stderr));
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("neither it nor a command sees the operator's token", async () => {
    const { command } = await serve();
    const { batch } = await command('test -z "$MILEPOST_TOKEN" && echo {}');
    expect((await batch.done()).outcome).toBe("success");
  });

  test("drained, it finishes and ends, and no other is started; the server goes on", async () => {
    const { run, url, milepost, command } = await serve();
    await (await command("echo {}")).batch.done();
    const [worker] = await milepost.workers();
    expect(await milepost.drain(worker?.id ?? "", { untilLeft: true })).toMatchObject({ hasLeft: true });
    await run.until(({ stderr }) => stderr.includes("drained: it only serves now"));
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await milepost.workers()).toEqual([]);
    run.child.kill("SIGTERM");
    expect((await run.ended).status).toBe(143);
    expect(run.stderr).not.toContain("another one is started");
  });

  test("it ends with a server that is killed, and gives back what it has", async () => {
    const { run, milepost, command } = await serve();
    const { batch } = await command("sleep 600; echo {}");
    for await (const { counts } of batch.watch()) if (counts.processing === 1) break;
    run.child.kill("SIGKILL");
    // Its standard error is the server's: closed when both are gone.
    await run.ended;
    expect(await milepost.workers()).toEqual([]);
    expect((await batch.snapshot()).counts).toMatchObject({ pending: 1, processing: 0 });
  });
});
