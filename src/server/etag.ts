import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { WireBatch } from "../wire/batch.ts";

/** True if the client has just that already (RFC 9110, section 13.1.2): any of a list, weak or strong. */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((candidate) => ["*", etag, `W/${etag}`].includes(candidate.trim()));
}

/**
 * Says which state of things the answer shows, and if the caller has it already, answers 304 without a body.
 * @param state everything that makes the answer another one
 * @returns true if the reply was sent
 */
export function sendIfKnown(request: FastifyRequest, reply: FastifyReply, state: readonly unknown[]): boolean {
  const tag = createHash("sha256").update(JSON.stringify(state)).digest("base64url").slice(0, 22);
  reply.header("etag", `W/"${tag}"`).header("cache-control", "private, no-cache");
  if (!isKnown(request.headers["if-none-match"], `"${tag}"`)) return false;
  reply.status(304).send();
  return true;
}

/** Sends a picture that may be another the next time it is asked for; 304 if the caller has it already. */
export function sendPicture(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, bytes }: { readonly type: string; readonly bytes: Uint8Array },
): FastifyReply {
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  // It was made of what strangers sent in: opened by itself, it may run nothing.
  reply.headers({
    etag,
    "cache-control": "private, no-cache",
    "content-security-policy": "sandbox; default-src 'none'",
  });
  if (isKnown(request.headers["if-none-match"], etag)) return reply.status(304).send();
  return reply.type(type).send(Buffer.from(bytes));
}

/** What of a batch makes its answers differ: its version, and its estimate as coarsely as people read it. */
export function batchState({ id, version, status, percent, estimate, noEstimate }: WireBatch): readonly unknown[] {
  const range = estimate === null ? null : [estimate.low, estimate.median, estimate.high].map(toCoarse);
  const afterResume = noEstimate?.afterResume ?? null;
  return [
    id,
    version,
    status,
    percent,
    range,
    noEstimate?.reason,
    afterResume === null ? null : toCoarse(afterResume.median),
  ];
}

/** Two significant digits. */
function toCoarse(seconds: number): number {
  return Number(seconds.toPrecision(2));
}
