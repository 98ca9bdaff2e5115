import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { startReceiver } from "../server/support/receiver.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { CliRun, jsonLines } from "./support/run-cli.ts";

/** `milepost serve` on a free port, as soon as it listens. */
async function serve(cwd: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const run = new CliRun(["serve", "--port", "0", ...args], { cwd, env: { MILEPOST_TOKEN: "", ...env } });
  onTestFinished(() => void run.child.kill("SIGKILL"));
  await run.until(({ stdout, stderr }) => stdout.includes("\n") && stderr.includes("Ctrl-C stops"));
  const token = /operator's token, for this run: (\S+)/.exec(run.stderr)?.[1] ?? null;
  return { run, url: run.stdout.trim(), token };
}

describe.skipIf(process.platform === "win32")("milepost serve", () => {
  test("listens on this machine, works, and says what there is to know", async () => {
    const folder = temporaryFolder();
    const { run, url, token } = await serve(folder);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(run.stderr).toContain(join(folder, ".milepost", "files"));
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200);
    await using milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
    const { batch, id } = await milepost.submit({
      pipeline: "command",
      items: [{ key: "one", input: { item: "one", number: 1 } }],
      options: { command: "true", cwd: folder },
      attempts: 1,
    });
    expect((await batch.done()).outcome).toBe("success");
    const answer = await fetch(`${url}/api/batches/${id}`, { headers });
    expect(answer.status).toBe(200);
    run.child.kill("SIGTERM");
    expect((await run.ended).status).toBe(143);
  });

  test("a token of the operator's own is never shown, neither is one in the log", async () => {
    const folder = temporaryFolder();
    const own = "the-operators-own-token";
    const { run, url, token } = await serve(folder, ["--no-work", "--log", "json"], { MILEPOST_TOKEN: own });
    expect(token).toBeNull();
    const headers = { authorization: `Bearer ${own}` };
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200);
    await run.until(({ stderr }) => stderr.includes('"path":"/metrics"'));
    expect(jsonLines(run.stderr).find(({ path }) => path === "/metrics")).toMatchObject({
      status: 200,
      msg: "request",
    });
    await using milepost = await openMilepost(join(folder, ".milepost/milepost.db"), { logger: SILENT });
    expect(await milepost.workers()).toEqual([]);
    run.child.kill("SIGINT");
    const { status, stderr } = await run.ended;
    expect(status).toBe(130);
    expect(stderr).not.toContain(own);
  });

  test("a port that is taken is one line and 2", async () => {
    const folder = temporaryFolder();
    const first = await serve(folder);
    const port = new URL(first.url).port;
    const second = await new CliRun(["serve", "--port", port], { cwd: folder }).ended;
    expect([second.status, second.stdout]).toEqual([2, ""]);
    expect(second.stderr).toMatch(/^milepost: something listens on 127\.0\.0\.1 port \d+ already; [^\n]+\n$/);
  });

  test("limits can be changed; one that is none is one line and 2", async () => {
    const { url } = await serve(temporaryFolder(), ["--limit", "bodyBytes=10", "fileBytes=100"]);
    const long = await fetch(`${url}/api/process-batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ fileIds: ["far more than ten bytes"] }),
    });
    expect(long.status).toBe(413);
    for (const wrong of ["nonsense=5", "bodyBytes", "bodyBytes=0", "bodyBytes=many"]) {
      const { status, stderr } = await new CliRun(["serve", "--limit", wrong], { cwd: temporaryFolder() }).ended;
      expect([wrong, status, stderr.split("\n").length]).toEqual([wrong, 2, 2]);
    }
  });

  test("what can be reached from outside is told to have TLS in front", async () => {
    const { run } = await serve(temporaryFolder(), ["--host", "0.0.0.0"]);
    expect(run.stderr).toContain("put a proxy with TLS in front");
  });

  test("killed and started again it tells what ended meanwhile, once for each end", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "work.db");
    let isAccepting = false;
    const receiver = await startReceiver(() => (isAccepting ? 200 : 503));
    const args = ["--store", path, "--webhook", receiver.url, "--no-work"];
    const first = await serve(folder, args);
    await using milepost = await openMilepost(path, { logger: SILENT });
    const end = async (name: string): Promise<string> => {
      const { batch, id } = await milepost.submit({ pipeline: "nothing", items: [], name });
      await batch.done();
      return id;
    };
    const refused = await end("refused");
    await receiver.until(1);
    first.run.child.kill("SIGKILL");
    await first.run.ended;
    const missed = await end("missed");
    isAccepting = true;
    await serve(folder, args);
    while (receiver.accepted().length < 2) await receiver.until(receiver.received.length + 1);
    for (const id of [refused, missed]) await milepost.batch(`webhook:${id}:1`).done();
    const accepted = receiver.accepted().map(({ body }) => JSON.parse(body).data.id);
    expect(accepted.sort()).toEqual([refused, missed].sort());
    expect(existsSync(`${path}.files/webhook-secret`)).toBe(true);
    expect(readFileSync(`${path}.files/webhook-secret`, "utf8")).toContain("whsec_");
  });
});
