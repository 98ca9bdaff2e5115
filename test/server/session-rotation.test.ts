import { expect, test, vi } from "vitest";
import { openForTest, type StoreName, temporaryFolder } from "../support/open-for-test.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const HOUR_MS = 3_600_000;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

function as(cookie: string, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { ...(init.headers as object), ...(cookie && { cookie }) } };
}

function cookieOf(answer: Response): string {
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function sendIn({ fetch }: TestServer): Promise<{ readonly cookie: string; readonly path: string }> {
  const body = new FormData();
  body.append("files", new Blob([PNG]), "a.png");
  const uploaded = await fetch("/api/uploads", { method: "POST", body });
  const cookie = cookieOf(uploaded);
  const { files } = (await uploaded.json()) as { files: { fileId: string }[] };
  const fileIds = files.map(({ fileId }) => fileId);
  const headers = { "content-type": "application/json" };
  const made = await fetch(
    "/api/process-batch",
    as(cookie, { method: "POST", headers, body: JSON.stringify({ fileIds }) }),
  );
  const { batchId } = (await made.json()) as { batchId: string };
  return { cookie, path: `/api/batches/${batchId}` };
}

test.each<StoreName>(["sqlite", "postgres"])(
  "over %s the cookie of a session changes, what it owns does not, whatever restarts",
  async (store) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const milepost = await openForTest(store);
    const files = temporaryFolder();
    const first = await startServer({ milepost, files });
    const { cookie: old, path } = await sendIn(first);
    vi.setSystemTime(Date.now() + 4 * HOUR_MS);
    const answers = await Promise.all(Array.from({ length: 10 }, () => first.fetch(path, as(old))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [renewed = ""] = answers.map(cookieOf);
    expect(renewed).not.toBe(old);
    const seen = await Promise.all([renewed, old, renewed, old].map((cookie) => first.fetch(path, as(cookie))));
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await first.close();
    const second = await startServer({ milepost, files });
    const status = async (cookie: string): Promise<number> => (await second.fetch(path, as(cookie))).status;
    expect([await status(old), await status(renewed)]).toEqual([200, 200]);
    vi.setSystemTime(Date.now() + HOUR_MS);
    expect([await status(renewed), await status(old), await status("")]).toEqual([200, 404, 404]);
    vi.useRealTimers();
  },
);
