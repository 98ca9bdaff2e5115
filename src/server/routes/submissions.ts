import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import {
  additionQuerySchema,
  additionSchema,
  type SubmissionFields,
  submissionFieldsSchema,
  submissionQuerySchema,
  submissionSchema,
  submittedSchema,
  type WireNewItem,
} from "../../wire/submission.ts";
import { NDJSON, readLines } from "../body.ts";
import type { App, ServerContext } from "../context.ts";
import { fingerprintOf } from "../idempotency.ts";
import { readItemLines } from "../item-lines.ts";
import { readJson } from "../json-text.ts";
import { refusal } from "../problems.ts";
import { Submissions } from "../submissions.ts";
import { batchParams, ownBatch } from "./batches.ts";

const NDJSON_DESCRIPTION =
  `As \`${NDJSON}\` the body is a stream of items, one a line, up to 1 MiB each, as many as there are; the other fields are query parameters ` +
  "then. Nothing is added before the whole of it has been read and checked.";

/** What a body of NDJSON says, and what it was as it came. */
interface Lines {
  readonly items: AsyncIterable<WireNewItem>;
  /** Of all bytes, once they have been read. */
  readonly hash: () => string;
}

/** Free items are the operator's: their inputs are what handlers act on, paths and commands among them. */
export function submissionRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    context.callers.keepForOperator(app);
    readLines(app);
    createBatch(context, app);
    addItems(context, app);
  };
}

function createBatch(context: ServerContext, app: App): void {
  const { submissions, idempotency } = context;
  app.post(
    "/api/batches",
    {
      preValidation: async (request) => {
        if (request.lines === undefined) return refuseQuery(request);
        // What the query says stands for a body, and is checked like one.
        request.body = { ...toFields(request.query), items: ["-"] };
      },
      schema: {
        summary: "Create a batch, or add to the one of that name",
        description: `${NDJSON_DESCRIPTION} \`Idempotency-Key\` makes it safe to send again.`,
        tags: ["batches"],
        consumes: ["application/json", NDJSON],
        querystring: submissionQuerySchema,
        body: submissionSchema,
        response: { 202: submittedSchema },
      },
    },
    async (request, reply) => {
      const { items, ...fields } = request.body;
      const lines = linesOf(context, request);
      const id = Submissions.newId();
      const { batchId, text } = await idempotency.once(request, "", async (key) => {
        const { body, isRepeat } = await submissions.submit(lines?.items ?? items, () => ({
          type: "create",
          id,
          owner: "",
          fields,
          request:
            key === null ? null : { key, fingerprint: fingerprintOf(["batches", fields, lines?.hash() ?? items]) },
        }));
        return { batchId: body.batchId, isRepeat, body };
      });
      return reply
        .status(202)
        .header("location", `/api/batches/${batchId}`)
        .header("cache-control", "no-store")
        .type("application/json; charset=utf-8")
        .send(text as never);
    },
  );
}

function addItems(context: ServerContext, app: App): void {
  app.post(
    "/api/batches/:batchId/items",
    {
      preValidation: async (request) => {
        if (request.lines === undefined) return refuseQuery(request);
        const query = additionQuerySchema.safeParse(request.query);
        if (!query.success) throw malformed(query.error);
        request.body = { ...query.data, items: ["-"] };
      },
      schema: {
        summary: "Add items to a batch",
        description: `Known keys keep their state. ${NDJSON_DESCRIPTION}`,
        tags: ["batches"],
        consumes: ["application/json", NDJSON],
        params: batchParams,
        querystring: additionQuerySchema,
        body: additionSchema,
        response: { 202: submittedSchema },
      },
    },
    async (request, reply) => {
      const { snapshot } = await ownBatch(context, request, request.params.batchId);
      const { items, seal = null } = request.body;
      const lines = linesOf(context, request);
      const { body } = await context.submissions.submit(lines?.items ?? items, () => ({
        type: "add",
        batchId: snapshot.id,
        seal,
      }));
      return reply.status(202).header("location", `/api/batches/${snapshot.id}`).send(body);
    },
  );
}

function linesOf({ settings }: ServerContext, { lines }: FastifyRequest): Lines | null {
  if (lines === undefined) return null;
  const hash = createHash("sha256");
  const { streamBytes } = settings.limits;
  const items = readItemLines(lines, { bytesMax: streamBytes, onBytes: (bytes) => hash.update(bytes) });
  return { items, hash: () => hash.digest("hex") };
}

function refuseQuery({ query }: FastifyRequest): void {
  if (Object.keys(query as object).length === 0) return;
  throw refusal("malformed", "of a request in JSON every field stands in the body, none in the query");
}

/** The fields of a submission as query parameters say them. */
function toFields(query: unknown): SubmissionFields {
  const texts = submissionQuerySchema.safeParse(query);
  if (!texts.success) throw malformed(texts.error);
  const given = Object.entries(texts.data).filter(([, value]) => value !== undefined);
  const fields = submissionFieldsSchema.safeParse(
    Object.fromEntries(given.map(([name, value]) => [name, name === "options" ? toJson(String(value)) : value])),
  );
  if (!fields.success) throw malformed(fields.error);
  return fields.data;
}

function toJson(text: string): unknown {
  return readJson(Buffer.from(text), "the query parameter options");
}

function malformed(error: z.ZodError): Error {
  const errors = error.issues.map(({ path, message }) => ({ path: `/${path.join("/")}`, message }));
  const [first] = errors;
  return refusal("malformed", `querystring ${first?.path ?? "/"}: ${first?.message ?? "is not valid"}`, errors);
}
