import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { App } from "./context.ts";
import { readJson } from "./json-text.ts";
import { refusal } from "./problems.ts";

export const NDJSON = "application/x-ndjson";

declare module "fastify" {
  interface FastifyRequest {
    /** The body as it comes in, of a request whose body is NDJSON. */
    lines?: Readable;
  }
  interface FastifyContextConfig {
    /** Nothing for a body means an empty object. */
    readonly isBodyOptional?: boolean;
  }
}

/**
 * What bodies the API reads: JSON, strictly (`readJson`), in UTF-8 and not compressed. Anything else is refused as `media-type` unless a
 * route's plugin reads it itself.
 */
export function readBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: FastifyRequest, bytes: Buffer) => (bytes.length === 0 ? undefined : readJson(bytes, "the body")),
  );
  app.addHook("onRequest", (request, _reply, done) => {
    const encoding = request.headers["content-encoding"];
    if (encoding === undefined || encoding.trim().toLowerCase() === "identity") return done();
    done(refusal("media-type", "a body must not be compressed: send it without Content-Encoding"));
  });
  app.addHook("preValidation", (request, _reply, done) => {
    const { schema, config } = request.routeOptions;
    if (request.body !== undefined || schema?.body === undefined) return done();
    if (config.isBodyOptional !== true) return done(refusal("malformed", "the body must be JSON; it is empty"));
    request.body = {};
    done();
  });
}

/** A body as it comes. Who stops reading leaves the connection open, for the answer. @throws {Refusal} `malformed` where it is cut off */
export async function* piecesOf(body: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } catch {
    throw refusal("malformed", "the body ended before it was whole");
  }
}

/** Lets the routes of a plugin read NDJSON too: what comes is not read but handed on as `request.lines`. */
export function readLines(app: App): void {
  app.decorateRequest("lines");
  app.addContentTypeParser(NDJSON, async (request: FastifyRequest, payload: Readable) => {
    request.lines = payload;
    // The route's own checks fill it in from the query.
    return null;
  });
}
