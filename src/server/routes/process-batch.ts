import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { BatchSnapshot } from "../../core/batch.ts";
import { batchIdFrom, isUuid } from "../../core/ids.ts";
import type { Json } from "../../core/json.ts";
import { toPriority } from "../../core/priority.ts";
import type { ItemsOfFiles, OwnedPlaces, StoredFile, UploadFacet } from "../../pipelines/uploads.ts";
import {
  batchAcceptedSchema,
  processBatchSchema,
  type WireBatchAccepted,
  type WireProcessBatch,
} from "../../wire/process-batch.ts";
import type { App, ServerContext } from "../context.ts";
import { codeOf } from "../files/disk.ts";
import type { StoredUpload } from "../files/uploads.ts";
import { fingerprintOf, type Made } from "../idempotency.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { refusal } from "../problems.ts";

const NO_FILES: ReadonlySet<string> = new Set();

/** Batches of uploads. */
export function processBatchRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { callers, idempotency } = context;
  const names = new KeyedLock();
  return async (app) => {
    app.post(
      "/api/process-batch",
      {
        schema: {
          summary: "Make a batch of uploads",
          description:
            "Answers at once; where the batch stands is read at the `Location`. With an `Idempotency-Key` it may be sent again.",
          tags: ["uploads"],
          body: processBatchSchema,
          response: { 202: batchAcceptedSchema },
        },
      },
      async (request, reply) => {
        const owner = callers.ownerOf(request);
        // Nobody has any uploads.
        if (owner === null) throw noSuchFile();
        const { body } = request;
        const { batchId, text } = await idempotency.once(request, owner, (key) => {
          const make = (): Promise<Made> => submitUploads(context, owner, body, key);
          return body.name === undefined ? make() : names.run(`${owner} ${body.name}`, make);
        });
        return reply
          .status(202)
          .header("location", `/api/batch-status/${batchId}`)
          .header("cache-control", "no-store")
          .type("application/json; charset=utf-8")
          .send(text as never);
      },
    );
  };
}

/**
 * Makes a batch of uploads of this owner.
 * @throws {Refusal} what is wrong with the request; nothing was submitted then
 */
export async function submitUploads(
  context: ServerContext,
  owner: string,
  body: WireProcessBatch,
  key: string | null,
): Promise<Made> {
  const { files, settings } = context;
  const known = body.name === undefined ? null : await batchNamed(context, owner, body.name);
  const before = known === null ? NO_FILES : await files.batches.inputsOf(known.id);
  const unique = [...new Set(body.fileIds)];
  requireCount(owner, new Set([...before, ...unique]).size, settings.limits.filesPerBatch);
  const uploads = await findUploads(context, owner, unique);
  const facet = facetFor(context, body.pipeline ?? known?.pipeline, uploads);
  await files.requireAllowance(owner, 0);
  if (owner !== "") await context.backlog.requireRoom();
  if (known !== null && before.size === 0) {
    throw refusal("conflict", "there is a batch of that name that was not made of uploads; choose another name");
  }

  const id = known?.id ?? batchIdFrom(Date.now(), randomBytes(10));
  const places = { out: files.batches.pathOf(id, "out"), index: files.indexes.pathOf(owner) };
  const options = batchOptionsFor(facet, { known, given: body.options, places });
  const stored = uploads.map((upload) => ({
    ...upload,
    path: files.batches.inputPath(id, upload),
    content: files.uploads.pathOf(upload.fileId),
  }));
  const { items, keys } = await (facet.toItems?.(stored, options) ?? itemEach(facet, stored, options));
  const inputs = stored.map(({ fileId, extension, content }) => ({
    fileId,
    key: keys.get(fileId) ?? fileId,
    extension,
    path: content,
  }));
  const { name, priority } = body;
  const order = { id, owner, pipeline: facet.pipeline, options, items };
  const submit = () =>
    files.batches.submit(
      {
        ...order,
        ...(name !== undefined && { name }),
        ...(priority !== undefined && { priority: toPriority(priority) }),
        ...(key !== null && { request: { key, fingerprint: fingerprintOf(["process-batch", body]) } }),
      },
      inputs,
    );
  const documents = items.map(({ key: document }) => document);
  const { id: batchId, isRepeat } = await (facet.keepsIndex
    ? files.indexes.submit(owner, { batchId: id, documents }, submit)
    : submit());
  return {
    batchId,
    isRepeat,
    body: {
      batchId,
      ...verdictsOf(body.fileIds, facet.toItems ? new Map() : keys, before),
    } satisfies WireBatchAccepted,
  };
}

/** An item for each file. */
function itemEach(facet: UploadFacet, files: readonly StoredFile[], options: Json): ItemsOfFiles {
  const items = files.map((file) => facet.toItem(file, options));
  return { items, keys: new Map(files.map(({ fileId }, index) => [fileId, items[index]?.key ?? fileId])) };
}

/** Of what is not new to the batch: in it `before`, or given once more, the same content included where that is what counts. */
function verdictsOf(
  fileIds: readonly string[],
  keys: ReadonlyMap<string, string>,
  before: ReadonlySet<string>,
): Pick<WireBatchAccepted, "verdicts"> {
  const seen = new Set<string>();
  const verdicts = fileIds.flatMap((fileId) => {
    const isAgain = seen.size === seen.add(keys.get(fileId) ?? fileId).size;
    if (!isAgain && !before.has(fileId)) return [];
    return [{ fileId, verdict: isAgain ? ("duplicate" as const) : ("known" as const) }];
  });
  return verdicts.length === 0 ? {} : { verdicts };
}

async function batchNamed({ milepost }: ServerContext, owner: string, name: string) {
  try {
    return isUuid(name) ? null : await milepost.batch(name, { owner }).snapshot();
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return null;
    throw error;
  }
}

function requireCount(owner: string, count: number, filesPerBatch: number): void {
  if (owner === "" || count <= filesPerBatch) return;
  throw refusal("validation", `a batch may have at most ${filesPerBatch} files; found ${count}`);
}

async function findUploads(
  { files }: ServerContext,
  owner: string,
  fileIds: readonly string[],
): Promise<StoredUpload[]> {
  const found = await Promise.all(fileIds.map((fileId) => files.uploads.find(fileId, owner)));
  return found.map((upload) => {
    if (upload === null) throw noSuchFile();
    return upload;
  });
}

/** The same for a file that is not there and for one of somebody else. */
function noSuchFile(): Error {
  return refusal("not-found", "there is no such file");
}

/** The pipeline that was asked for, or the first one that takes all of the files. */
function facetFor({ facets }: ServerContext, asked: string | undefined, uploads: readonly StoredUpload[]): UploadFacet {
  const takesAll = (facet: UploadFacet): boolean => uploads.every(({ type }) => facet.types.includes(type));
  const facet = facets.find((candidate) => (asked === undefined ? takesAll(candidate) : candidate.pipeline === asked));
  if (facet !== undefined && takesAll(facet)) return facet;
  if (facet !== undefined)
    throw refusal("validation", `pipeline ${facet.pipeline} takes ${facet.types.join(", ")} alone`);
  const names = facets.map(({ pipeline }) => pipeline).join(", ");
  throw refusal("validation", `pipeline must be one of ${names}, and take all of the files`);
}

/** A batch has one set of options: who adds to it takes them, or says the same. Files that want others belong in another batch. */
function batchOptionsFor(
  facet: UploadFacet,
  of: {
    readonly known: BatchSnapshot | null;
    readonly given: Json | undefined;
    readonly places: OwnedPlaces & { readonly out: string };
  },
): Json {
  const { known, given, places } = of;
  if (known !== null && given === undefined) return known.options;
  const wanted = facet.toBatchOptions(checkedOptions(facet, given ?? {}), places.out, places);
  if (known === null || isDeepStrictEqual(known.options, wanted)) return wanted;
  throw refusal("conflict", "there is a batch of that name with other options; choose another name");
}

function checkedOptions(facet: UploadFacet, given: Json): unknown {
  const checked = facet.options.safeParse(given);
  if (checked.success) return checked.data;
  const errors = checked.error.issues.map(({ path, message }) => ({
    path: ["/options", ...path].join("/"),
    message,
  }));
  const [first] = errors;
  throw refusal("validation", `body ${first?.path ?? "/options"}: ${first?.message ?? "is not valid"}`, errors);
}
