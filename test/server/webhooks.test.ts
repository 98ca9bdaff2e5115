import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { createServer } from "../../src/server/server.ts";
import type { WebhookOptions } from "../../src/server/webhooks/webhook-settings.ts";
import { webhookEventSchema } from "../../src/wire/webhook.ts";
import { openForTest, temporaryFolder } from "../support/open-for-test.ts";
import { type Received, startReceiver } from "./support/receiver.ts";
import { startServer } from "./support/start-server.ts";

const SECRET = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;

function webhooks(...urls: readonly string[]): WebhookOptions {
  return { urls, secret: SECRET, firstDelayMs: 1 };
}

/** Submits a batch that ends at once. */
async function endBatch(milepost: Milepost, name: string): Promise<string> {
  const { batch, id } = await milepost.submit({ pipeline: "nothing", items: [], name });
  await batch.done();
  return id;
}

/** What was received, checked as a receiver checks it. */
function verified({ body, headers }: Received) {
  new Webhook(SECRET).verify(body, headers as Record<string, string>);
  return { id: headers["webhook-id"], event: webhookEventSchema.parse(JSON.parse(body)) };
}

/** Resolves when every delivery of the batch has come to its end, and says how they ended. */
async function deliveriesOf(milepost: Milepost, id: string, epoch: number) {
  const deliveries = milepost.batch(`webhook:${id}:${epoch}`);
  const { counts, name } = await deliveries.done();
  return { counts, name, items: (await deliveries.items()).items };
}

describe("when a batch ends", () => {
  test("each URL is told once, with a signature that other people's libraries accept", async () => {
    const [one, two] = [await startReceiver(), await startReceiver()];
    const { milepost } = await startServer({ webhooks: webhooks(one.url, two.url) });
    const id = await endBatch(milepost, "holiday");
    await Promise.all([one.until(1), two.until(1)]);
    const { epoch } = await milepost.batch(id).snapshot();
    const { counts, items } = await deliveriesOf(milepost, id, epoch);
    expect(counts).toMatchObject({ total: 2, completed: 2 });
    for (const receiver of [one, two]) {
      expect(receiver.received).toHaveLength(1);
      const [first] = receiver.received;
      const { id: messageId, event } = verified(first as Received);
      expect(messageId).toBe(`msg_${id}_${epoch}`);
      expect(event).toMatchObject({ type: "batch.ended", data: { id, name: "holiday", status: "completed" } });
      expect(first?.body).not.toContain("options");
    }
    // The path of a URL is often a secret: it is in no item.
    expect(JSON.stringify(items)).not.toContain("secret");
  });

  test("a receiver that fails gets the same again until it accepts, each try signed anew", async () => {
    const receiver = await startReceiver((count) => (count <= 2 ? 500 : 200));
    const { milepost } = await startServer({ webhooks: webhooks(receiver.url) });
    const id = await endBatch(milepost, "holiday");
    await receiver.until(3);
    const { items } = await deliveriesOf(milepost, id, (await milepost.batch(id).snapshot()).epoch);
    expect(items).toMatchObject([{ state: "completed", attempts: 3, output: { status: 200 } }]);
    const tries = receiver.received.map(verified);
    expect(new Set(tries.map((one) => one.id)).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  test("a batch that is opened again and ends again is told again", async () => {
    const receiver = await startReceiver();
    const { milepost } = await startServer({ webhooks: webhooks(receiver.url) });
    const { batch, id } = await milepost.submit({ pipeline: "nothing", items: ["a"], name: "twice" });
    await batch.cancel();
    await receiver.until(1);
    await batch.retry();
    await batch.cancel();
    await receiver.until(2);
    const told = receiver.received.map(verified);
    expect(told.map(({ event }) => [event.data.id, event.data.status])).toEqual([
      [id, "cancelled"],
      [id, "cancelled"],
    ]);
    expect(told.map(({ event }) => event.data.epoch)).toEqual([...new Set(told.map(({ event }) => event.data.epoch))]);
  });

  test("several servers of one store tell it once, and deliveries are not told of", async () => {
    const path = join(temporaryFolder(), "work.db");
    const receiver = await startReceiver();
    const engines = await Promise.all([1, 2, 3].map(() => openMilepost(path, { logger: SILENT })));
    await using stack = new AsyncDisposableStack();
    for (const milepost of engines) {
      stack.use(milepost);
      stack.use(await createServer(milepost, { files: temporaryFolder(), webhooks: webhooks(receiver.url) }));
    }
    const [first] = engines as [Milepost];
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push(await endBatch(first, `batch-${count}`));
    await receiver.until(5);
    for (const id of ids) await deliveriesOf(first, id, (await first.batch(id).snapshot()).epoch);
    expect(receiver.received.map((one) => verified(one).event.data.id).sort()).toEqual([...ids].sort());
    const { batches } = await first.batches();
    expect(batches.filter(({ pipeline }) => pipeline === "webhook")).toHaveLength(5);
  });
});

describe("after an interruption", () => {
  test("a server tells what ended while it was down, and goes on with what was not accepted, once", async () => {
    const path = join(temporaryFolder(), "work.db");
    const files = temporaryFolder();
    let isAccepting = false;
    const receiver = await startReceiver(() => (isAccepting ? 200 : 503));
    const open = () => openMilepost(path, { logger: SILENT });
    const serve = (milepost: Milepost) => createServer(milepost, { files, webhooks: webhooks(receiver.url) });

    const first = await open();
    const firstServer = await serve(first);
    const refused = await endBatch(first, "refused");
    await receiver.until(2);
    await firstServer.close();
    const missed = await endBatch(first, "missed");
    await first.close();

    isAccepting = true;
    await using second = await open();
    await using _server = await serve(second);
    const epochOf = async (id: string): Promise<number> => (await second.batch(id).snapshot()).epoch;
    await deliveriesOf(second, refused, await epochOf(refused));
    while (receiver.accepted().length < 2) await receiver.until(receiver.received.length + 1);
    await deliveriesOf(second, missed, await epochOf(missed));
    const accepted = receiver.accepted().map((one) => verified(one).event.data.id);
    expect(accepted.sort()).toEqual([refused, missed].sort());
  });
});

describe("what is not done", () => {
  test("redirects are not followed; a receiver that is gone is asked once", async () => {
    const target = await startReceiver();
    const moved = await startReceiver((count) => (count === 1 ? 307 : 200), { location: target.url });
    const gone = await startReceiver(() => 410);
    const { milepost } = await startServer({ webhooks: webhooks(moved.url, gone.url) });
    const id = await endBatch(milepost, "moved");
    await moved.until(1);
    const { items } = await deliveriesOf(milepost, id, (await milepost.batch(id).snapshot()).epoch);
    expect(items.map(({ state, attempts }) => [state, attempts]).sort()).toEqual([
      ["completed", 2],
      ["failed", 1],
    ]);
    expect([target.received.length, gone.received.length]).toEqual([0, 1]);
  });

  test("an item that names another place sends nothing there", async () => {
    const receiver = await startReceiver();
    const other = await startReceiver();
    const { milepost } = await startServer({ webhooks: webhooks(receiver.url) });
    const { batch } = await milepost.submit({
      pipeline: "webhook",
      queue: "webhooks",
      items: [{ key: other.url, input: { id: "x", event: {} } }],
    });
    const { status } = await batch.done();
    expect([status, other.received.length, receiver.received.length]).toEqual(["failed", 0, 0]);
    expect((await batch.items()).items[0]?.attempts).toBe(1);
  });

  test.each(["ftp://example.org/", "file:///etc/passwd", "example.org", "https://user:pass@example.org/", ""])(
    "%j is no URL to deliver to",
    async (url) => {
      const milepost = await openForTest("memory");
      const options = { files: temporaryFolder(), webhooks: { urls: [url] } };
      await expect(createServer(milepost, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    },
  );

  test.each(["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!"])("%j is no secret", async (secret) => {
    const milepost = await openForTest("memory");
    const options = { files: temporaryFolder(), webhooks: { urls: ["https://example.org/"], secret } };
    await expect(createServer(milepost, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a secret that was not given is made once and kept where nobody else can read it", async () => {
    const files = temporaryFolder();
    const milepost = await openForTest("memory");
    const read = async (): Promise<string> => {
      await using _server = await createServer(milepost, { files, webhooks: { urls: ["https://example.org/"] } });
      return readFileSync(join(files, "webhook-secret"), "utf8");
    };
    const secret = await read();
    expect(await read()).toBe(secret);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(statSync(join(files, "webhook-secret")).mode & 0o777).toBe(0o600);
  });
});
