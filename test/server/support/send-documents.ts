import { createHash } from "node:crypto";
import { expect } from "vitest";
import { documentHitsSchema, documentsAcceptedSchema } from "../../../src/wire/document.ts";
import type { Browser, FormFile } from "./browser.ts";
import type { TestServer } from "./start-server.ts";

export function textFile(name: string, text: string): FormFile {
  return { name, data: new TextEncoder().encode(text) };
}

export function hashOf({ data }: FormFile): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Sends documents in by the one request. */
export async function send(page: Pick<Browser, "fetch">, files: readonly FormFile[]) {
  const form = new FormData();
  for (const { name, data } of files) form.append("files", new Blob([data]), name);
  const answer = await page.fetch("/api/documents", { method: "POST", body: form });
  const text = await answer.text();
  expect(answer.status, text).toBe(202);
  return { ...documentsAcceptedSchema.parse(JSON.parse(text)), location: answer.headers.get("location") };
}

/** The same, to the end of their batch. */
export async function store(server: Pick<TestServer, "milepost">, page: Browser, files: readonly FormFile[]) {
  const accepted = await send(page, files);
  await server.milepost.batch(accepted.batchId).done();
  return accepted;
}

export async function hitsOf(page: Pick<Browser, "fetch">, query: string) {
  const answer = await page.fetch(`/api/documents/search?q=${encodeURIComponent(query)}`);
  expect(answer.status).toBe(200);
  return documentHitsSchema.parse(await answer.json()).hits;
}
