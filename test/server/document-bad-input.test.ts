import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentsPipeline } from "../../src/pipelines/documents/documents-pipeline.ts";
import { documentsAcceptedSchema, documentsSchema } from "../../src/wire/document.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { rawPdf } from "../support/broken-documents.ts";
import { makeDocx, makePdf, makeZip } from "../support/make-documents.ts";
import { openForTest } from "../support/open-for-test.ts";
import { Browser, type FormFile } from "./support/browser.ts";
import { BOUNDARY, filePart, form, PNG, part } from "./support/raw-form.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

// The numbers are those of the table of bad input that the API is held to.

const FORM = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

function post(page: Pick<Browser, "fetch">, body: Uint8Array | string, headers: Record<string, string> = FORM) {
  return page.fetch("/api/documents", { method: "POST", headers, body: body as string });
}

async function problemOf(answer: Response): Promise<string> {
  const text = await answer.text();
  expect(answer.headers.get("content-type"), `${answer.status} ${text}`).toContain("application/problem+json");
  const { status, type } = problemSchema.parse(JSON.parse(text));
  expect(status).toBe(answer.status);
  return `${status} ${type.replace("/problems/", "")}`;
}

function fileOf(name: string, content: string | Uint8Array): FormFile {
  return { name, data: Uint8Array.from(typeof content === "string" ? Buffer.from(content, "latin1") : content) };
}

function expectNothingStored(server: TestServer): void {
  for (const folder of ["uploads", "batches"]) expect(readdirSync(join(server.files, folder))).toEqual([]);
}

test("59 to 64, 73, 85 to 92: what is no form or no document is refused, and nothing of it stays", async () => {
  const server = await startServer();
  const page = new Browser(server);
  const zip = await makeZip({ "a.txt": "a" });
  const xml = '<?xml version="1.0"?>';
  const FORMS = [
    ["a form without a boundary", form(filePart("a.txt")), { "content-type": "multipart/form-data" }, "400 malformed"],
    ["an empty form", form(), FORM, "400 malformed"],
    ["nothing", "", FORM, "400 malformed"],
    ["a form that is cut off", filePart("a.txt", Buffer.from("text")), FORM, "400 malformed"],
    ["JSON", '{"files":[]}', { "content-type": "application/json" }, "415 media-type"],
    ["another field", form(part('name="file"; filename="a.txt"', "text")), FORM, "422 validation"],
    ["a text", form(part('name="files"', "text")), FORM, "422 validation"],
    ["a large head", form(part(`name="files"; filename="${"x".repeat(9_000)}"`, "text")), FORM, "413 too-large"],
    [
      "5,000 files",
      form(...Array.from({ length: 501 }, (_, index) => filePart(`${index}.txt`, Buffer.from("ab")))),
      FORM,
      "413 too-large",
    ],
  ] as const;
  for (const [row, body, headers, expected] of FORMS) {
    expect.soft(await problemOf(await post(page, body, headers)), row).toBe(expected);
  }
  const FILES = [
    ["73 zero bytes", "a.txt", "", "422 validation"],
    ["73 one byte", "a.md", "a", "422 validation"],
    ["an image", "a.png", PNG, "415 media-type"],
    ["an image by another name", "a.pdf", PNG, "415 media-type"],
    ["85 a polyglot that is an image first", "a.pdf", `GIF89a${" ".repeat(40)}\0\0%PDF`, "415 media-type"],
    ["87 SVG", "a.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', "415 media-type"],
    [
      "87 SVG with XXE",
      "a.txt",
      `${xml}<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>`,
      "415 media-type",
    ],
    ["87 SVG behind a comment", "a.html", `\xef\xbb\xbf${xml}<!-- x --><s:svg/>`, "415 media-type"],
    ["88 SVG named .png", "a.png", "<svg/>", "415 media-type"],
    ["89 HTML named .png", "a.png", "<html>", "415 media-type"],
    ["89 ELF", "a.txt", "\x7fELF\x01\x01\0\0", "415 media-type"],
    ["89 ZIP", "a.docx", zip, "415 media-type"],
    ["89 MVG named .png", "a.png", "push graphic-context", "415 media-type"],
    ["95 a playlist named .mp4", "a.mp4", "#EXTM3U\nfile:///etc/passwd", "415 media-type"],
    ["an old Office document", "a.doc", Buffer.from("d0cf11e0a1b11ae10000", "hex"), "415 media-type"],
    ["SQLite", "library.db", "SQLite format 3\0", "415 media-type"],
  ] as const;
  for (const [row, name, content, expected] of FILES) {
    const good = filePart("good.txt", Buffer.from("good"));
    const body = form(good, filePart(name, fileOf(name, content).data));
    expect.soft(await problemOf(await post(page, body)), row).toBe(expected);
  }
  expectNothingStored(server);
  expect(await (await page.fetch("/api/documents")).json()).toEqual({ documents: [], nextCursor: null });
});

test("26, 65 to 72, 85: odd names and odd documents are taken, and told of as text", async () => {
  const server = await startServer();
  const page = new Browser(server);
  const names = [
    "../../x.md",
    "C:\\x.txt",
    "%2e%2e%2fx",
    "",
    ".",
    "..",
    "a\x1b[31m\u202eb.txt",
    "日本語🗻.md",
    "<img onerror=1>.html",
  ];
  const odd = ["=HYPERLINK(1).txt", "$(touch x).txt", "-rf", "CON", "x::$DATA", `${"n".repeat(300)}.txt`];
  const { bytes } = await makePdf({ seed: 1, pages: 1 });
  const files = [
    ...[...names, ...odd].map((name, index) => filePart(name, Buffer.from(`text number ${index}`))),
    filePart("page.html", Buffer.concat([Buffer.from("<html><script>alert(1)</script>"), bytes])),
    filePart("letter.png", await makeDocx(["A letter."])),
    filePart("wide.txt", Buffer.from("\ufeffwide", "utf16le")),
  ];
  const answer = await post(page, form(...files));
  expect(answer.status).toBe(202);
  const { documents } = documentsAcceptedSchema.parse(await answer.json());
  expect(documents).toHaveLength(files.length);
  for (const { filename } of documents) {
    expect(filename).not.toMatch(/[\p{Cc}\u202e/\\]|^\.*$/u);
    expect(Buffer.byteLength(filename)).toBeLessThanOrEqual(255);
  }
  const listed = documentsSchema.parse(await (await page.fetch("/api/documents")).json());
  expect(listed.documents.map(({ docId }) => docId).toSorted()).toEqual(documents.map(({ docId }) => docId).toSorted());
  const [batch] = readdirSync(join(server.files, "batches"));
  for (const name of readdirSync(join(server.files, "batches", batch ?? "", "in"))) {
    expect(name).toMatch(/^[0-9a-f-]{36}\.(txt|md|html|pdf|docx)$/);
  }
  const foreign = await page.post("/api/process-batch", { fileIds: [crypto.randomUUID()], pipeline: "documents" });
  expect(await problemOf(foreign)).toBe("404 not-found");
  const fileIds = await page.uploaded([fileOf("a.png", PNG)]);
  const image = await page.post("/api/process-batch", { fileIds, pipeline: "documents" });
  expect(await problemOf(image)).toBe("422 validation");
});

test("91, 92: documents that are broken end as failed, each with its reason, and harm nobody", async () => {
  const milepost = await openForTest("memory");
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 2 });
  const server = await startServer({ milepost });
  const page = new Browser(server);
  const { bytes } = await makePdf({ seed: 1, pages: 2 });
  const objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"];
  const huge = rawPdf([...objects, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900000 900000] >>"]);
  const docx = await makeDocx(["A paragraph."]);
  const broken = [
    ["cut.pdf", bytes.subarray(0, 700), "INVALID_DOCUMENT"],
    ["media-box.pdf", huge, "DOCUMENT_TOO_LARGE"],
    ["encrypted.pdf", (await makePdf({ seed: 2, pages: 1, password: "secret" })).bytes, "ENCRYPTED_DOCUMENT"],
    ["cut.docx", docx.subarray(0, docx.length - 40), "INVALID_DOCUMENT"],
    ["blank.md", Buffer.from("<!-- nothing -->"), "EMPTY_DOCUMENT"],
  ] as const;
  const answer = await post(page, form(...broken.map(([name, content]) => filePart(name, content))));
  expect(answer.status).toBe(202);
  const { batchId } = documentsAcceptedSchema.parse(await answer.json());
  await milepost.batch(batchId).done();
  const { items } = await milepost.batch(batchId).items();
  expect(items.map(({ name, error }) => [name, error?.code])).toEqual(broken.map(([name, , code]) => [name, code]));
  expect((await page.fetch("/api/documents/search?q=secret")).status).toBe(200);
});

test("1 to 12, 31, 33: the body of a clean-up says what it must or nothing", async () => {
  const server = await startServer();
  const cleanUp = (body: string, type = "application/json") =>
    server.operator("/api/documents/cleanup", { method: "POST", headers: { "content-type": type }, body });
  for (const body of ["{", "{}{}", "{'a':1}", '{"maxAgeSeconds":NaN}']) {
    expect.soft(await problemOf(await cleanUp(body)), body).toBe("400 malformed");
  }
  const ages = ["-1", '"60"', "null", "[1]", "true", "1e308", "{}"].map((age) => `{"maxAgeSeconds":${age}}`);
  const others = ["null", "[]", "7", '{"owner":""}', '{"maxAgeSeconds":0,"isAdmin":true}', '{"__proto__":{"x":1}}'];
  for (const body of [...ages, ...others]) {
    expect.soft(await problemOf(await cleanUp(body)), body).toBe("422 validation");
  }
  expect(await problemOf(await cleanUp("maxAgeSeconds=1", "application/x-www-form-urlencoded"))).toBe("415 media-type");
  expect(await problemOf(await cleanUp("{}", FORM["content-type"]))).toBe("415 media-type");
  for (const body of ["{}", '{"maxAgeSeconds":0.5}']) expect((await cleanUp(body)).status).toBe(200);
  expect((await server.operator("/api/documents/cleanup", { method: "POST" })).status).toBe(200);
  expect(await problemOf(await server.fetch("/api/documents/cleanup", { method: "POST" }))).toBe("401 session");
  const crossSite = { method: "POST", headers: { "sec-fetch-site": "cross-site" } };
  for (const path of ["/api/documents/cleanup", "/api/documents"]) {
    expect(await problemOf(await server.operator(path, crossSite))).toBe("403 cross-site");
  }
});

test("19, 42 to 44, 51 to 54: odd addresses are answered as what they are", async () => {
  const server = await startServer();
  const get = (path: string) => server.operator(`/api/documents${path}`);
  const MALFORMED = [
    ...["0", "-1", "1e9", "abc", "1.5", "", "1001", "1&limit=2"].map((limit) => `?limit=${limit}`),
    ...["?active=maybe", "?active=true&active=false", "?cursor=x", "?sort=__proto__", `?owner=${"x".repeat(101)}`],
    ...["/search", "/search?q=a&q=b", "/search?q=a&limit=0", "/search?q=a&limit=101", "/search?q=a&index=/etc/passwd"],
    `/search?q=${"x".repeat(2_001)}`,
    ...["/%00", "/a%00b/events", "/a/events?after=abc", "/a/events?items=all"],
    ...["0", "-1", "1.5", "abc", "1e9", "%00"].map((page) => `/a/pages/${page}/thumbnail`),
    `?${"a=1&".repeat(500)}`,
  ];
  for (const path of MALFORMED) expect.soft(await problemOf(await get(path)), path).toBe("400 malformed");
  for (const path of ["/%zz", "/%c0%af"]) {
    const { status, headers } = await get(path);
    expect.soft([path, status, headers.get("x-content-type-options")]).toEqual([path, 400, "nosniff"]);
  }
  const ABSENT = [
    "/..%2f..%2fetc%2fpasswd",
    "/__proto__",
    "/'%20OR%20'1'='1",
    "/*",
    "/constructor",
    `/${"0".repeat(64)}`,
  ];
  for (const path of ABSENT) {
    expect.soft(await problemOf(await get(path)), path).toBe("404 not-found");
    expect.soft(await problemOf(await get(`${path}/pages/1/thumbnail`)), path).toBe("404 not-found");
    expect.soft(await problemOf(await get(`${path}/events`)), path).toBe("404 not-found");
  }
  expect([404, 414]).toContain((await get(`/${"x".repeat(10_000)}`)).status);
  for (const [method, path] of [
    ["PUT", ""],
    ["DELETE", "/a"],
    ["POST", "/search"],
    ["POST", "/a/events"],
    ["GET", "/cleanup"],
    ["HEAD", "/cleanup?x=1"],
  ]) {
    const answer = await server.operator(`/api/documents${path}`, { method: method ?? "" });
    if (method !== "HEAD") expect.soft(await problemOf(answer), `${method} ${path}`).toBe("405 method");
    const allow = path?.startsWith("/cleanup") ? "POST" : expect.any(String);
    expect.soft([answer.status, answer.headers.get("allow")], `${method} ${path}`).toEqual([405, allow]);
  }
  const cursor = Buffer.alloc(56, 1).toString("base64url");
  expect(await problemOf(await get(`?cursor=${cursor}`))).toBe("400 malformed");
  for (const query of [
    "",
    "%22%20OR%20*%20NEAR(%20NOT%20-",
    "%00",
    "%f0%9f",
    "a%20AND%20b)%3B%20DROP%20TABLE%20x",
    "%25%5F",
  ]) {
    const answer = await get(`/search?q=${query}`);
    expect.soft([query, answer.status, await answer.text()]).toEqual([query, 200, '{"hits":[]}']);
  }
});
