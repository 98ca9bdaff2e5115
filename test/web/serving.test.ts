import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGE_PATHS } from "../../src/server/routes/dashboard.ts";
import { startServer } from "../server/support/start-server.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { type BuiltDashboard, buildDashboard } from "./support/dashboard.ts";

/** All scripts of the dashboard together, as they are sent. */
const SCRIPT_BYTES_MAX = 200_000;

let dashboard: BuiltDashboard;

beforeAll(async () => {
  dashboard = await buildDashboard({ isCompressed: true });
});

afterAll(() => dashboard.remove());

test("the page is served at each of its addresses under a policy that lets it run nothing but itself", async () => {
  const { fetch } = await startServer({ dashboard: dashboard.folder });
  for (const path of PAGE_PATHS) {
    const answer = await fetch(path.replace(":batchId", "01a1ff95-87cd-754a-ba35-6ab137e8259c"));
    expect([path, answer.status]).toEqual([path, 200]);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none';script-src 'self';style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|https?:/);
  }
  expect((await fetch("/", { method: "POST" })).status).toBe(405);
});

test("a person who mistypes an address gets a page that says so, a program a problem", async () => {
  const { fetch } = await startServer({ dashboard: dashboard.folder });
  const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const ask = (path: string, accept: string, method = "GET") => fetch(path, { method, headers: { accept } });
  const page = await (await fetch("/")).text();
  for (const path of [
    "/elsewhere",
    "/batches",
    "/index.html",
    "/apiary",
    "/assets/none.js",
    "/new/er?x=<b>",
    "/100%",
  ]) {
    const answer = await ask(path, html);
    expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, 404, "text/html; charset=utf-8"]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'");
    expect([answer.headers.get("etag"), answer.headers.get("x-content-type-options")]).toEqual([null, "nosniff"]);
    expect(await answer.text()).toBe(page);
    const head = await ask(path, html, "HEAD");
    expect([head.status, await head.text()]).toEqual([404, ""]);
  }
  const programs = ["*/*", "application/json", "text/html;q=0, application/json", "text/htmlx"];
  for (const [path, accept, method, status] of [
    ...programs.map((accept) => ["/elsewhere", accept, "GET", 404] as const),
    ["/api/elsewhere", html, "GET", 404],
    ["/api?", html, "GET", 200],
    ["/api/", html, "GET", 404],
    ["/elsewhere", html, "POST", 404],
    ["/new", html, "POST", 405],
  ] as const) {
    const answer = await ask(path, accept, method);
    expect([path, method, answer.status]).toEqual([path, method, status]);
    if (status !== 200) expect(answer.headers.get("content-type")).toContain("application/problem+json");
  }
});

test("its files are compressed, kept for good by their names, and small", async () => {
  const { fetch } = await startServer({ dashboard: dashboard.folder });
  const html = await (await fetch("/")).text();
  const names = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? "");
  expect(names.length).toBeGreaterThanOrEqual(2);
  for (const name of names) {
    const plain = await fetch(name, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(plain.headers.get("content-encoding")).toBeNull();
    const text = await plain.text();
    const etag = plain.headers.get("etag") ?? "";
    expect((await fetch(name, { headers: { "if-none-match": etag } })).status).toBe(304);
    for (const [accepted, sent] of [
      ["gzip, deflate, br", "br"],
      ["gzip", "gzip"],
      ["zstd", null],
    ] as const) {
      // What decodes it is fetch: it must come to the same text.
      const encoded = await fetch(name, { headers: { "accept-encoding": accepted } });
      expect([encoded.headers.get("content-encoding"), encoded.headers.get("vary")]).toEqual([sent, "accept-encoding"]);
      expect(await encoded.text()).toBe(text);
    }
  }
  expect(dashboard.scripts().reduce((sum, path) => sum + readFileSync(`${path}.gz`).length, 0)).toBeLessThan(
    SCRIPT_BYTES_MAX,
  );
});

test("where it is not built, a line says so, and the API is there", async () => {
  const { fetch } = await startServer({ dashboard: temporaryFolder() });
  const answer = await fetch("/");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "text/plain; charset=utf-8"]);
  expect(await answer.text()).toContain("npm run build");
  expect((await fetch("/api")).status).toBe(200);
});
