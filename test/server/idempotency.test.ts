import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { createServer } from "../../src/server/server.ts";
import { STORES, temporaryFolder } from "../support/open-for-test.ts";
import { openRaw, rawHead, sendRaw } from "./support/raw.ts";
import { startServer, type TestServer, TOKEN } from "./support/start-server.ts";

const BODY = { pipeline: "p", items: ["a", { key: "b", input: 1 }, "a"], options: { x: 1, y: 2 } };

function post(server: Pick<TestServer, "operator">, body: string, headers: Record<string, string>): Promise<Response> {
  return server.operator("/api/batches", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}

/** All that a client gets, but for the time at which it gets it. */
async function shown(answer: Response): Promise<unknown> {
  const headers = [...answer.headers].filter(([name]) => name !== "date");
  return { status: answer.status, headers, body: await answer.text() };
}

test.each(STORES)(
  "%s: the same request again is answered with the same bytes, whatever became of the batch",
  async (store) => {
    const server = await startServer({ store });
    const key = { "idempotency-key": "order 66/a" };
    const first = await shown(await post(server, JSON.stringify(BODY), key));
    expect(first).toMatchObject({ status: 202, body: expect.stringContaining('"duplicate":1') });
    const id = (JSON.parse((first as { body: string }).body) as { batchId: string }).batchId;
    const reordered = `{"options":{"y":2, "x":1},"items":["a",{"input":1,"key":"b"},"a"],"pipeline":"p"}`;
    expect(await shown(await post(server, reordered, key))).toEqual(first);
    await server.milepost.batch(id).cancel();
    await server.milepost.batch(id).add(["c"]);
    expect(await shown(await post(server, JSON.stringify(BODY), key))).toEqual(first);

    const other = await startServer({ milepost: server.milepost, files: server.files });
    expect(await shown(await post(other, JSON.stringify(BODY), key))).toEqual(first);
    expect((await server.milepost.batches()).batches).toHaveLength(1);

    await server.milepost.batch(id).cancel();
    expect((await server.operator(`/api/batches/${id}`, { method: "DELETE" })).status).toBe(200);
    const anew = await post(server, JSON.stringify(BODY), key);
    expect(((await anew.json()) as { batchId: string }).batchId).not.toBe(id);
  },
);

test("requests without a key are each their own", async () => {
  const server = await startServer();
  await post(server, JSON.stringify(BODY), {});
  await post(server, JSON.stringify(BODY), {});
  expect((await server.milepost.batches()).batches).toHaveLength(2);
});

test("while the first request is on its way, the same key is refused; then it is answered like the first", async () => {
  const server = await startServer();
  const lines = '"a"\n"b"\n"a"\n';
  const head = rawHead(server.url, "POST /api/batches?pipeline=p HTTP/1.1", [
    "Content-Type: application/x-ndjson",
    "Idempotency-Key: stream-1",
    `Content-Length: ${lines.length}`,
  ]);
  const socket = await openRaw(server.url);
  socket.write(head + lines.slice(0, 5));
  const half = (): Promise<string[]> => readdir(join(server.files, "spool")).catch(() => []);
  await expect.poll(half, { timeout: 30_000 }).toHaveLength(1);
  const early = await sendRaw(server.url, head + lines);
  expect([early.status, early.body]).toEqual([409, expect.stringContaining("/problems/conflict")]);
  socket.write(lines.slice(5));
  await once(socket, "data");
  const again = await sendRaw(server.url, head + lines);
  expect(again.status).toBe(202);
  expect(JSON.parse(again.body)).toMatchObject({ added: 2, duplicate: 1, verdicts: [{ key: "a" }] });
  expect((await server.milepost.batches()).batches).toHaveLength(1);
});

/** A server in a process of its own, over a store and a folder. */
async function serveApart(
  store: string,
  files: string,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const script = fileURLToPath(new URL("support/serve.ts", import.meta.url));
  const child = spawn(process.execPath, [script, store, files], {
    env: { ...process.env, MILEPOST_TOKEN: TOKEN },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  for await (const url of createInterface({ input: child.stdout })) return { child, url };
  throw new Error("the server did not start");
}

const ROWS = 20_000;
const ROWS_TEXT = Array.from({ length: ROWS }, (_, row) => `{"key":"row-${row}"}\n`).join("");

test.each([
  { moment: "before it was whole", isWhole: false, isBegun: false },
  { moment: "once it was whole", isWhole: true, isBegun: false },
  { moment: "while it was added", isWhole: true, isBegun: true },
])("a server killed in a submission $moment leaves all of it or nothing", async ({ isWhole, isBegun }) => {
  const folder = temporaryFolder();
  const [store, files] = [join(folder, "work.db"), join(folder, "files")];
  const { child, url } = await serveApart(store, files);
  const socket = await openRaw(url);
  const head = rawHead(url, "POST /api/batches?pipeline=p&name=rows HTTP/1.1", [
    "Content-Type: application/x-ndjson",
    "Idempotency-Key: rows",
    `Content-Length: ${ROWS_TEXT.length}`,
  ]);
  socket.write(head + (isWhole ? ROWS_TEXT : ROWS_TEXT.slice(0, -10)));
  const spool = join(files, "spool");
  const list = rawHead(url, "GET /api/batches HTTP/1.1");
  const isThere = async (): Promise<boolean> =>
    (await readdir(spool).catch(() => [])).some((name) => name.startsWith("whole.") === isWhole);
  while (!(await isThere())) await setImmediate();
  const hasItems = async (): Promise<boolean> => (await sendRaw(url, list)).body.includes('"rows"');
  while (isBegun && !(await hasItems())) await setImmediate();
  child.kill("SIGKILL");
  await once(child, "exit");

  const milepost = await openMilepost(store, { logger: SILENT });
  onTestFinished(() => milepost.close());
  const server = await createServer(milepost, { port: 0, token: TOKEN, files });
  onTestFinished(() => server.close());
  expect(await readdir(spool)).toEqual([]);
  const { batches } = await milepost.batches();
  expect(batches.map(({ counts, isSealed }) => [counts.total, isSealed])).toEqual(isWhole ? [[ROWS, true]] : []);
  expect(await milepost.verify()).toEqual([]);

  const address = await server.listen();
  const again = await sendRaw(address, head.replace(new URL(url).host, new URL(address).host) + ROWS_TEXT);
  expect(again.status).toBe(202);
  const { batches: after } = await milepost.batches();
  expect(after.map(({ counts }) => counts.total)).toEqual([ROWS]);
  if (isWhole) expect(after.map(({ id }) => id)).toEqual(batches.map(({ id }) => id));
});
