import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ItemSnapshot } from "../../core/item.ts";
import type { Batch } from "../../engine/batch.ts";
import type { MadeFile } from "../../pipelines/uploads.ts";
import { filenameOf } from "../../wire/batch-status.ts";
import { idSchema } from "../../wire/page.ts";
import { problemSchema } from "../../wire/problem.ts";
import type { App, ServerContext } from "../context.ts";
import { isKnown } from "../etag.ts";
import { type ArchiveEntry, archiveOf } from "../files/archive.ts";
import { attachmentOf, portableName } from "../files/clean-name.ts";
import { codeOf } from "../files/disk.ts";
import { ArchiveNames, outputName } from "../files/output-names.ts";
import type { StoredFile } from "../files/storage/storage.ts";
import { refusal } from "../problems.ts";
import { type ByteRange, rangeOf } from "../range.ts";
import { batchParams, ownBatch } from "./batches.ts";

const PAGE_ITEMS = 100;

const FILE_CONTENT = { "application/octet-stream": { schema: z.unknown() } };
const FILE_ANSWERS = {
  200: { description: "The file, of its own type", content: FILE_CONTENT },
  206: { description: "The part that `Range` asks for", content: FILE_CONTENT },
  416: {
    description: "Nothing of the file is in the range; `Content-Range` says its size",
    content: { "application/problem+json": { schema: problemSchema } },
  },
} as const;

/** What batches of uploads made, one by one and all at once. Only files below a batch's own folder are ever sent. */
export function outputRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    app.get(
      "/api/batches/:batchId/items/:itemId/output",
      {
        schema: {
          summary: "Download what an item made",
          tags: ["outputs"],
          params: batchParams.extend({ itemId: idSchema }),
          response: FILE_ANSWERS,
        },
      },
      async (request, reply) => {
        const { batchId, itemId } = request.params;
        const { batch } = await ownBatch(context, request, batchId);
        const item = await batch.item(itemId).snapshot().catch(nullIfMissing);
        const made = item === null ? null : madeFileOf(context, batchId, item);
        if (item === null || made === null) throw noOutput();
        const name = outputName(filenameOf(item), made.extension);
        return (await sendFile(context, { request, reply }, { made, name })) as never;
      },
    );

    app.get(
      "/api/batches/:batchId/outputs.zip",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "Download all that a batch has made so far",
          description: "A ZIP, made as it is sent.",
          tags: ["outputs"],
          params: batchParams,
        },
      },
      async (request, reply) => {
        const { batch, snapshot } = await ownBatch(context, request, request.params.batchId);
        const pages = entriesOf(context, batch, snapshot.id);
        const first = await pages.next();
        if (first.done) throw refusal("not-found", "the batch has made nothing that could be downloaded yet");
        const name = portableName(snapshot.name ?? `batch-${snapshot.id.slice(0, 8)}`);
        return reply
          .headers({ ...FILE_HEADERS, "content-disposition": attachmentOf(`${name}.zip`), "cache-control": "no-store" })
          .type("application/zip")
          .send(archiveOf(context.files.batches.storage, withFirst(first.value, pages)));
      },
    );
  };
}

/** Whatever is in a file, nothing of it is run or shown as a part of this site. */
const FILE_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox; default-src 'none'",
  "cross-origin-resource-policy": "same-origin",
} as const;

function noOutput(): Error {
  return refusal("not-found", "there is no such output; an item has one when it is completed");
}

/** What an item made, and the key of it. */
type Made = MadeFile & { readonly key: string };

function madeFileOf({ facets, files }: ServerContext, batchId: string, item: ItemSnapshot): Made | null {
  if (item.state !== "completed") return null;
  for (const facet of facets) {
    const made = facet.toMadeFile(item.output);
    const key = made === null ? null : files.batches.outputKey(batchId, made.path);
    if (made !== null && key !== null) return { ...made, key };
  }
  return null;
}

async function sendFile(
  { files }: ServerContext,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { made, name }: { readonly made: Made; readonly name: string },
): Promise<FastifyReply> {
  const file = await files.batches.storage.open(made.key);
  if (file === null) throw noOutput();
  try {
    const { bytes: size, etag } = file;
    reply.headers({ ...FILE_HEADERS, etag, "cache-control": "private, no-cache", "accept-ranges": "bytes" });
    if (isKnown(request.headers["if-none-match"], etag)) {
      await file.close();
      return reply.status(304).send(undefined as never);
    }
    // For any other method than GET a range means nothing.
    const range = request.method === "GET" ? rangeOf(request.headers, { size, etag }) : null;
    if (range === "unmet") {
      reply.header("content-range", `bytes */${size}`);
      throw refusal("range", `the file has ${size} bytes, and none of them is in the range that was asked for`);
    }
    reply.type(made.type).header("content-disposition", attachmentOf(name));
    if (request.method !== "HEAD") return await sendRange(reply, file, range);
    // Of a stream that is sent the whole would be read, be it from a bucket, to answer nothing of it.
    await file.close();
    return reply.header("content-length", size).send(Readable.from([]));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function sendRange(reply: FastifyReply, file: StoredFile, range: ByteRange | null): Promise<FastifyReply> {
  if (range === null) return reply.header("content-length", file.bytes).send(await file.read());
  return reply
    .status(206)
    .header("content-range", `bytes ${range.start}-${range.end}/${file.bytes}`)
    .header("content-length", range.end - range.start + 1)
    .send(await file.read(range));
}

/** The files of a batch page by page; a page without any is left out. */
async function* entriesOf(
  context: ServerContext,
  batch: Batch,
  batchId: string,
): AsyncGenerator<readonly ArchiveEntry[], void> {
  const names = new ArchiveNames();
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Batch["items"]>> = await batch.items({
      state: "completed",
      limit: PAGE_ITEMS,
      ...(after !== null && { after }),
    });
    const entries: ArchiveEntry[] = [];
    for (const item of page.items) {
      const made = madeFileOf(context, batchId, item);
      // One that is not there any more is left out rather than ending the archive in the middle.
      const file = made === null ? null : await context.files.batches.storage.open(made.key);
      if (made === null || file === null) continue;
      await file.close();
      const name = names.take(filenameOf(item), made.extension);
      entries.push({ key: made.key, name, time: item.endedAt ?? new Date(0) });
    }
    if (entries.length > 0) yield entries;
    after = page.nextCursor;
  } while (after !== null);
}

async function* withFirst<T>(first: T, rest: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  yield first;
  yield* rest;
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === "NOT_FOUND") return null;
  throw error;
}
