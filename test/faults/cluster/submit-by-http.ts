import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";

export interface HttpSubmission {
  readonly urls: readonly string[];
  readonly token: string;
  readonly items: number;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;
const ANSWER_MS = 600_000;
const ACCEPTED = 202;
const LINES = 1_000;

/**
 * Submits items as NDJSON under one Idempotency-Key, again and again, to one server after another, until one answers that it is
 * done: what a careful client does.
 */
export async function submitByHttp(how: HttpSubmission): Promise<{ readonly batchId: string; readonly tries: number }> {
  const { urls, token, fields, signal } = how;
  const key = randomUUID();
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) query.set(name, String(value));
  for (let tries = 1; ; tries++) {
    const url = new URL(`/api/batches?${query}`, urls[tries % urls.length]);
    const headers = {
      ...{ authorization: `Bearer ${token}`, "content-type": "application/x-ndjson", "idempotency-key": key },
    };
    const answer = await fetch(url, {
      ...{ method: "POST", headers, body: Readable.toWeb(lines(how.items)) as ReadableStream, duplex: "half" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    }).catch(() => null);
    if (answer?.status === ACCEPTED) {
      const { batchId } = (await answer.json()) as { batchId: string };
      return { batchId, tries };
    }
    const text = (await answer?.text().catch(() => "")) ?? "";
    // 409: the try before is still under way. 429, 5xx: come back later.
    if (answer !== null && answer.status < 500 && ![409, 429].includes(answer.status)) {
      throw new Error(`${url.pathname} answered ${answer.status}: ${text}`);
    }
    await setTimeout(RETRY_MS, undefined, { signal });
  }
}

/** The same bytes each time. */
function lines(items: number): Readable {
  return Readable.from(
    (function* () {
      for (let first = 0; first < items; first += LINES) {
        const keys = Array.from({ length: Math.min(LINES, items - first) }, (_, index) => `item-${first + index}`);
        yield keys.map((key) => `${JSON.stringify({ key })}\n`).join("");
      }
    })(),
  );
}
