import { expect, test } from "vitest";
import { temporaryFolder } from "../support/open-for-test.ts";
import { callMain } from "./support/call-main.ts";

test("karaoke schema prints a JSON Schema with a description of every field of a project", async () => {
  const { status, stdout, stderr } = await callMain(["karaoke", "schema"], temporaryFolder());
  expect([status, stderr]).toEqual([0, ""]);
  const schema = JSON.parse(stdout) as {
    readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  };
  expect(schema.properties).toHaveProperty("lyrics");
  expect(Object.entries(schema.properties).filter(([, { description }]) => description === undefined)).toEqual([]);
});
