import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { idSchema } from "../../wire/page.ts";
import { uploadedSchema, uploadsSchema } from "../../wire/uploads.ts";
import type { App, ServerContext } from "../context.ts";
import { discardRest } from "../files/discard-rest.ts";
import { boundaryIn, readParts } from "../files/multipart.ts";
import { Slots } from "../files/slots.ts";
import type { StoredUpload } from "../files/uploads.ts";
import { refusal } from "../problems.ts";
import { RateLimit } from "../rate-limit.ts";
import type { ServerLimits } from "../settings.ts";

const DAY_MS = 86_400_000;

/** Files on their way in and what one may do with them before a batch is made of them. */
export function uploadRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { callers, files, settings } = context;
  const slots = new Slots(settings.limits.uploadsAtOnce);
  const most = settings.limits.sessionBytesPerDay;
  const detail = `a session may send in ${most} bytes a day; wait as long as Retry-After says`;
  const day = new RateLimit({ most, spanMs: DAY_MS, detail });
  const countFor = (owner: string) => (bytes: number) => {
    if (owner !== "") day.count(owner, Date.now(), bytes);
  };
  return async (app) => {
    // The form is read by the route itself, as it comes; for this route alone.
    app.addContentTypeParser("multipart/form-data", (_request, _payload, done) => done(null));
    app.post(
      "/api/uploads",
      {
        schema: {
          summary: "Send files in",
          description:
            "A form (`multipart/form-data`) with one or more files in fields named `files`. All of them are taken or none. " +
            "Begins a session for whoever has none.",
          tags: ["uploads"],
          consumes: ["multipart/form-data"],
          response: { 201: uploadedSchema },
        },
      },
      async (request, reply) => {
        const boundary = boundaryOf(request);
        try {
          requireLength(request, settings.limits);
          const owner = callers.ensureOwner(request, reply);
          await files.requireAllowance(owner, lengthOf(request));
          const received = await slots.run(request.raw, () =>
            files.uploads.receive(readParts(limited(request, settings.limits, countFor(owner)), boundary), owner),
          );
          return reply
            .status(201)
            .header("cache-control", "no-store")
            .send({ files: received.map(toWireUpload) });
        } catch (error) {
          discardRest(request.raw);
          throw error;
        }
      },
    );

    app.get(
      "/api/uploads",
      { schema: { summary: "List one's own uploads", tags: ["uploads"], response: { 200: uploadsSchema } } },
      async (request, reply) => {
        const owner = callers.ownerOf(request);
        const own = owner === null ? [] : files.uploads.list(owner);
        reply.header("cache-control", "no-store");
        return {
          files: own.map((upload) => ({
            ...toWireUpload(upload),
            uploadedAt: new Date(upload.uploadedAt).toISOString(),
          })),
        };
      },
    );

    app.delete(
      "/api/uploads/:fileId",
      {
        schema: {
          summary: "Remove an upload",
          description: "Batches that were made of it keep what they need.",
          tags: ["uploads"],
          params: z.object({ fileId: idSchema }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const owner = callers.ownerOf(request);
        const isRemoved = owner !== null && (await files.uploads.remove(request.params.fileId, owner));
        if (!isRemoved) throw refusal("not-found", "there is no such file");
        return reply.status(204).send(null);
      },
    );
  };
}

function toWireUpload({ fileId, filename, size, type }: StoredUpload) {
  return { fileId, filename, size, type };
}

function boundaryOf(request: FastifyRequest): string {
  const encoding = request.headers["content-encoding"] ?? "identity";
  const boundary = boundaryIn(request.headers["content-type"]);
  if (boundary !== null && encoding.toLowerCase() === "identity") return boundary;
  throw refusal("media-type", "files are sent as multipart/form-data, without a Content-Encoding");
}

function lengthOf(request: FastifyRequest): number {
  return Number(request.headers["content-length"] ?? 0);
}

function requireLength(request: FastifyRequest, { requestBytes }: ServerLimits): void {
  if (lengthOf(request) > requestBytes) throw tooLarge(requestBytes);
}

/** The body as it comes, up to the limit. Who stops reading leaves the connection open, for the answer. */
async function* limited(
  request: FastifyRequest,
  { requestBytes }: ServerLimits,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  const chunks: AsyncIterable<Buffer> = request.raw.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > requestBytes) throw tooLarge(requestBytes);
    count(chunk.length);
    yield chunk;
  }
}

function tooLarge(bytesMax: number): Error {
  return refusal("too-large", `one request may bring at most ${bytesMax} bytes`);
}
