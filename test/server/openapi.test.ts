import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { renderApiPage } from "../../src/server/api-page.ts";
import { startServer } from "./support/start-server.ts";

const server = fileURLToPath(new URL("../../src/server", import.meta.url));

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: unknown }[];
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes: Readonly<Record<string, { readonly type: string }>>;
  };
}

async function readDocument(): Promise<Document> {
  const { fetch } = await startServer();
  const answer = await fetch("/openapi.json");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toContain("application/json");
  return answer.json() as Promise<Document>;
}

/** Every operation with its method and path. */
function operationsOf({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation, name: `${method} ${path}` })),
  );
}

/** What the sources register, read from their text: `app.get(\n "/api/…"`. */
function registeredRoutes(): readonly string[] {
  const files = readdirSync(server, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  return files.flatMap((file) =>
    [...readFileSync(join(server, file), "utf8").matchAll(/\.(get|post|put|patch|delete)\(\s*"(\/[^"]*)"/g)].map(
      ([, method, path]) => `${method} ${path?.replace(/:(\w+)/g, "{$1}")}`,
    ),
  );
}

function refsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => (key === "$ref" ? [String(part)] : refsIn(part)));
}

describe("/openapi.json", () => {
  test("has every route that the sources register", async () => {
    const documented = operationsOf(await readDocument()).map(({ name }) => name);
    const registered = registeredRoutes();
    expect(registered.length).toBeGreaterThan(4);
    expect(registered.filter((route) => !documented.includes(route))).toEqual([]);
  });

  test("is a valid OpenAPI 3.1 document as far as can be told from its structure", async () => {
    const document = await readDocument();
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: "Milepost", version: expect.any(String) });
    const operations = operationsOf(document);
    for (const { name, path, method, operation } of operations) {
      expect([name, method]).toEqual([name, expect.stringMatching(/^(get|put|post|delete|patch|head|options)$/)]);
      expect([name, operation.summary, operation.tags]).toEqual([
        name,
        expect.stringMatching(/./),
        [expect.any(String)],
      ]);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = operation.parameters?.filter((one) => one.in === "path").map((one) => one.name) ?? [];
      expect([name, [...declared].sort()]).toEqual([name, [...inPath].sort()]);
      for (const parameter of operation.parameters ?? []) expect(parameter.schema).toBeDefined();
      const statuses = Object.keys(operation.responses ?? {});
      expect([name, statuses.some((status) => /^2\d\d$/.test(status))]).toEqual([name, true]);
      expect([name, statuses.filter((status) => !/^([1-5]\d\d|default)$/.test(status))]).toEqual([name, []]);
      for (const response of Object.values(operation.responses ?? {}))
        expect(response.description).toEqual(expect.any(String));
      expect(operation.responses?.default?.content).toHaveProperty(["application/problem+json"]);
      for (const needed of operation.security ?? []) {
        for (const scheme of Object.keys(needed)) expect(document.components.securitySchemes).toHaveProperty(scheme);
      }
    }
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(refsIn(document).filter((ref) => !known.includes(ref))).toEqual([]);
    expect(refsIn(document)).toContain("#/components/schemas/Batch");
  });
});

describe("/api", () => {
  test("shows every operation and schema, without script", async () => {
    const { fetch } = await startServer();
    const document = (await (await fetch("/openapi.json")).json()) as Document;
    const answer = await fetch("/api");
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none';style-src 'sha256-[\w+/=]+'/);
    const html = await answer.text();
    for (const path of Object.keys(document.paths)) expect(html).toContain(`<code>${path}</code>`);
    for (const name of Object.keys(document.components.schemas)) expect(html).toContain(`id="${name}"`);
    expect(html).not.toMatch(/<script|javascript:|\son\w+=/i);
  });

  test("escapes every text of the document", () => {
    const evil = `</code><img src=x onerror="alert('1')">&`;
    const operation = {
      summary: evil,
      description: evil,
      tags: [evil],
      parameters: [{ name: evil, in: evil, description: evil, schema: { description: evil } }],
      requestBody: { content: { [evil]: { schema: { $ref: `#/components/schemas/${evil}` } } } },
      responses: { [evil]: { description: evil, content: { [evil]: { schema: { title: evil } } } } },
    };
    const html = renderApiPage({
      info: { title: evil, description: evil },
      paths: { [evil]: { [evil]: operation } },
      components: { schemas: { [evil]: { title: evil } } },
    });
    expect(html).not.toContain("<img");
    expect(html).not.toMatch(/"alert/);
  });
});
