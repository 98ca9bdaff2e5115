import { createHash } from "node:crypto";
import swagger, { type SwaggerTransformObject } from "@fastify/swagger";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { renderApiPage, STYLE } from "./api-page.ts";
import type { App } from "./context.ts";

const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"] as const;

const INFO = {
  title: "Milepost",
  version: "1",
  description:
    "Batches of work, live. People who send files in have an anonymous session, a cookie that the first upload sets; everything that is not a session's own needs the operator's token. What is somebody else's is not found. Refusals are problem details (RFC 9457).",
};

const SECURITY_SCHEMES = {
  operator: { type: "http", scheme: "bearer", description: "The operator's token" },
  session: { type: "apiKey", in: "cookie", name: "milepost_session", description: "Set by the first upload" },
} as const;

/** The document as far as we touch it; which version of OpenAPI's types it has makes no difference to that. */
interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

const WEBHOOK = {
  summary: "A batch has ended",
  description: "Signed as Standard Webhooks asks: webhook-id, webhook-timestamp, webhook-signature",
  requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/WebhookEvent" } } } },
  responses: { "2XX": { description: "Taken; anything else is tried again" } },
};

/** An operation as far as we touch it. */
interface Operation {
  operationId?: string;
  readonly responses?: Record<string, unknown>;
}

/**
 * Gathers the routes that are added after it and answers with their documentation: `/openapi.json` for programs (OpenAPI
 * 3.1), `/api` for people. Both are made of the schemas that requests are checked by.
 */
export async function addOpenApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: INFO,
      components: { securitySchemes: SECURITY_SCHEMES },
      security: [{ operator: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: completed,
  });
  const texts = lazy(() => {
    const document = app.swagger();
    return { json: JSON.stringify(document), html: renderApiPage(document) };
  });
  const styleHash = createHash("sha256").update(STYLE).digest("base64");
  const pagePolicy = `default-src 'none';style-src 'sha256-${styleHash}';base-uri 'none';frame-ancestors 'none';form-action 'none'`;
  app.get(
    "/openapi.json",
    {
      schema: {
        summary: "This document",
        tags: ["documentation"],
        security: [],
        response: { 200: { description: "OpenAPI 3.1", content: { "application/json": { schema: z.unknown() } } } },
      },
    },
    async (_request, reply) => reply.type("application/json").send(texts().json),
  );
  app.get(
    "/api",
    {
      schema: {
        summary: "This document for people",
        tags: ["documentation"],
        security: [],
        response: { 200: { description: "A page", content: { "text/html": { schema: z.string() } } } },
      },
    },
    async (_request, reply) =>
      reply.header("content-security-policy", pagePolicy).type("text/html; charset=utf-8").send(texts().html),
  );
}

/** What holds for every operation: a name for programs, and that it may be refused. */
const completed: SwaggerTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given) as OpenApiDocument;
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item?.[method] as Operation | undefined;
      if (operation?.responses === undefined) continue;
      operation.operationId = operationIdOf(method, path);
      operation.responses.default = {
        description: "A refusal",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      };
    }
  }
  const { schemas = {}, ...components } = document.components ?? {};
  const webhooks = { "batch.ended": { post: WEBHOOK } };
  const needed = reachable({ paths: document.paths, webhooks }, schemas);
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => needed.has(name)));
  return { ...document, webhooks, components: { ...components, schemas: kept } } as ReturnType<SwaggerTransformObject>;
};

/** Names of the schemas that `value` refers to, and those that they refer to: most have a form for bodies that nothing needs. */
function reachable(value: unknown, schemas: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    for (const [key, inner] of Object.entries(part)) {
      if (key !== "$ref") {
        visit(inner);
        continue;
      }
      const name = String(inner).replace("#/components/schemas/", "");
      if (found.has(name)) continue;
      found.add(name);
      visit(schemas[name]);
    }
  };
  visit(value);
  return found;
}

/** `get /api/batches/{batchId}/items` → `getApiBatchesByBatchIdItems`. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replace(/\{(\w+)\}/g, (_whole, name: string) => `by-${name}`)
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return method + words.map((word) => (word[0]?.toUpperCase() ?? "") + word.slice(1)).join("");
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
