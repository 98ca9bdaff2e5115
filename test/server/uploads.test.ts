import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { problemSchema } from "../../src/wire/problem.ts";
import { uploadedSchema, uploadsSchema, type WireUpload } from "../../src/wire/uploads.ts";
import { BAD_IMAGES, makeOddImages, ODD_IMAGES, smallPicture } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { answerOn, BOUNDARY, beginUpload, filePart, form, PNG, part } from "./support/raw-form.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

async function send(server: TestServer, body: Uint8Array | string, type?: string): Promise<Response> {
  return server.fetch("/api/uploads", {
    method: "POST",
    headers: { "content-type": type ?? `multipart/form-data; boundary=${BOUNDARY}` },
    body: body as string,
  });
}

async function problemOf(answer: Response): Promise<string> {
  return problemSchema.parse(await answer.json()).type.replace("/problems/", "");
}

function stored(server: TestServer): readonly string[] {
  return readdirSync(join(server.files, "uploads"));
}

async function namesOf(answer: Response): Promise<readonly string[]> {
  expect(answer.status).toBe(201);
  return uploadedSchema.parse(await answer.json()).files.map(({ filename }) => filename);
}

test("files come in whole, are told by content, and belong to the session that begins with them", async () => {
  const server = await startServer();
  const [ann, bob] = [new Browser(server), new Browser(server)];
  const jpeg = await smallPicture().jpeg().toBuffer();
  const answer = await ann.upload([
    { name: "first.jpg", data: new Uint8Array(jpeg) },
    { name: "second.jpg", data: new Uint8Array(PNG) },
  ]);
  expect(answer.status).toBe(201);
  expect(answer.headers.getSetCookie()[0]).toMatch(/HttpOnly.*SameSite=Lax/);
  const { files } = uploadedSchema.parse(await answer.json());
  expect(files.map(({ fileId: _fileId, ...rest }) => rest)).toEqual([
    { filename: "first.jpg", size: jpeg.length, type: "image/jpeg" },
    { filename: "second.jpg", size: PNG.length, type: "image/png" },
  ]);
  const [first] = files as [WireUpload];
  const folder = join(server.files, "uploads", first.fileId);
  expect(readFileSync(join(folder, "data"))).toEqual(jpeg);
  expect([statSync(folder).mode & 0o777, statSync(join(folder, "data")).mode & 0o777]).toEqual([0o700, 0o600]);

  const listed = uploadsSchema.parse(await (await ann.fetch("/api/uploads")).json());
  expect(listed.files.map(({ fileId }) => fileId).sort()).toEqual(files.map(({ fileId }) => fileId).sort());
  expect(await (await bob.fetch("/api/uploads")).json()).toEqual({ files: [] });
  expect(bob.cookie).toBe("");

  const foreign = await bob.fetch(`/api/uploads/${first.fileId}`, { method: "DELETE" });
  const absent = await ann.fetch(`/api/uploads/${crypto.randomUUID()}`, { method: "DELETE" });
  expect([foreign.status, absent.status]).toEqual([404, 404]);
  expect(await foreign.text()).toBe(await absent.text());
  expect((await ann.fetch(`/api/uploads/${first.fileId}`, { method: "DELETE" })).status).toBe(204);
  expect(stored(server)).toEqual([files[1]?.fileId]);
});

test("all kinds of images are taken by content; nothing else is, whatever its name (rows 73, 85 to 90)", async () => {
  const server = await startServer();
  const browser = new Browser(server);
  const folder = temporaryFolder();
  await makeOddImages(folder);
  const fileOf = (name: string) => ({ name, data: new Uint8Array(readFileSync(join(folder, name))) });
  expect((await browser.upload(ODD_IMAGES.map(fileOf))).status).toBe(201);
  for (const name of Object.keys(BAD_IMAGES)) {
    const answer = await browser.upload([fileOf(name)]);
    const expected = { "text.png": 415, "svg.png": 415, "elf.png": 415, "empty.jpg": 422 }[name] ?? 201;
    expect([name, answer.status]).toEqual([name, expected]);
  }
  const refused = ["<html>", "PK\x03\x04", "push graphic-context", "\x1f\x8b", '<?xml version="1.0"?><svg/>', "GIF8"];
  for (const content of refused) {
    const answer = await browser.upload([{ name: "x.png", data: new Uint8Array(Buffer.from(content, "latin1")) }]);
    expect([content, answer.status]).toEqual([content, 415]);
  }
  for (const content of ["", "a"]) {
    const answer = await browser.upload([{ name: "x.png", data: new Uint8Array(Buffer.from(content)) }]);
    expect([content, answer.status]).toEqual([content, 422]);
  }
  const polyglot = Buffer.concat([Buffer.from("GIF89a/*"), Buffer.alloc(50), Buffer.from("*/=1;alert(1)")]);
  expect((await browser.upload([{ name: "a.gif", data: new Uint8Array(polyglot) }])).status).toBe(201);
});

test("one bad file refuses the form by its name, and nothing of it stays", async () => {
  const server = await startServer();
  const good = { name: "good.png", data: new Uint8Array(PNG) };
  const bad = { name: "a/bad.png", data: new Uint8Array(Buffer.from("<svg/>")) };
  const refused = await new Browser(server).upload([good, bad]);
  expect(refused.status).toBe(415);
  expect(problemSchema.parse(await refused.json()).detail).toContain('"bad.png"');
  const empty = await new Browser(server).upload([good, { name: "empty.png", data: new Uint8Array() }]);
  expect(problemSchema.parse(await empty.json()).detail).toBe('"empty.png" is empty');
  expect(stored(server)).toEqual([]);
});

test("forms that are no forms are refused (rows 59 to 64)", async () => {
  const server = await startServer();
  const type = (rest: string): string => `multipart/form-data${rest}`;
  const many = (count: number, one: (index: number) => Buffer): Buffer =>
    form(...Array.from({ length: count }, (_, index) => one(index)));
  const cases: readonly [string, Response, string][] = [
    ["no boundary", await send(server, form(filePart("a.png")), type("")), "malformed"],
    ["an empty boundary", await send(server, form(filePart("a.png")), type("; boundary=")), "malformed"],
    ["no parts", await send(server, form()), "malformed"],
    ["nothing", await send(server, ""), "malformed"],
    ["no last boundary", await send(server, filePart("a.png")), "malformed"],
    ["another boundary", await send(server, form(filePart("a.png")), type("; boundary=other")), "malformed"],
    ["no headers", await send(server, form(`--${BOUNDARY}\r\n\r\nx\r\n`)), "malformed"],
    ["no disposition", await send(server, form(`--${BOUNDARY}\r\nA: b\r\n\r\nx\r\n`)), "malformed"],
    ["no name", await send(server, form(part('filename="a.png"', PNG))), "malformed"],
    ["a bad boundary line", await send(server, `--${BOUNDARY}junk\r\n`), "malformed"],
    ["two names", await send(server, form(part('name="files"; filename="a"; filename="b"', PNG))), "malformed"],
    ["a bad filename*", await send(server, form(part("name=\"files\"; filename*=utf-8''%ff", PNG))), "malformed"],
    [
      "a large head",
      await send(server, form(part('name="files"; filename="a"', PNG, `X: ${"x".repeat(262_144)}\r\n`))),
      "too-large",
    ],
    [
      "many headers",
      await send(server, form(part('name="files"; filename="a"', PNG, "X: y\r\n".repeat(900)))),
      "too-large",
    ],
    [
      "2,000 headers",
      await send(server, form(part('name="files"; filename="a"', PNG, "X: y\r\n".repeat(2_000)))),
      "too-large",
    ],
    [
      "5,000 files",
      await send(
        server,
        many(5_000, (index) => filePart(`${index}.png`)),
      ),
      "too-large",
    ],
    [
      "20,000 fields",
      await send(
        server,
        many(20_000, (index) => part(`name="f${index}"`, "x")),
      ),
      "too-large",
    ],
    ["a large field", await send(server, form(part('name="a"', "x".repeat(100_000)))), "too-large"],
    ["a text", await send(server, form(part('name="files"', "text"))), "validation"],
    ["another field", await send(server, form(part('name="photo"; filename="a.png"', PNG))), "validation"],
    ["a file and a text", await send(server, form(filePart("a.png"), part('name="a"', "b"))), "validation"],
    ["a huge index", await send(server, form(part('name="items[4294967294]"', "x"))), "validation"],
    ["a prototype", await send(server, form(part('name="__proto__[x]"', "x"))), "validation"],
    ["JSON", await send(server, "{}", "application/json"), "media-type"],
    ["text", await send(server, "x", "text/plain"), "media-type"],
  ];
  for (const [what, answer, problem] of cases) expect([what, await problemOf(answer)]).toEqual([what, problem]);
  const packed = await server.fetch("/api/uploads", {
    method: "POST",
    headers: { "content-type": type(`; boundary=${BOUNDARY}`), "content-encoding": "gzip" },
    body: "x",
  });
  expect(packed.status).toBe(415);
  expect(stored(server)).toEqual([]);
  expect(({} as { x?: string }).x).toBeUndefined();
});

test("names are cleaned and never name a file here (rows 65 to 69, 71, 72)", async () => {
  const server = await startServer();
  const cases: readonly [string, string][] = [
    ["../../x.png", "x.png"],
    ["C:\\pictures\\x.png", "x.png"],
    ["%2e%2e%2fx.png", "%2e%2e%2fx.png"],
    ["", "file.png"],
    [".", "file.png"],
    ["..", "file.png"],
    ["a/..", "file.png"],
    ["\u001b[31mred\u0000\u202egnp.png", "[31mredgnp.png"],
    ["写真 🖼.png", "写真 🖼.png"],
    ["<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"],
    ["{{7*7}}.png", "{{7*7}}.png"],
    ["$(reboot);-rf.png", "$(reboot);-rf.png"],
    ["CON", "CON"],
    ["x::$DATA", "x::$DATA"],
    ["=HYPERLINK(1).png", "=HYPERLINK(1).png"],
  ];
  const encoded = (name: string): string =>
    `utf-8''${encodeURIComponent(name).replace(/[()'*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`;
  const body = form(...cases.map(([name]) => part(`name="files"; filename*=${encoded(name)}`, PNG)));
  expect(await namesOf(await send(server, body))).toEqual(cases.map(([, shown]) => shown));
  expect(stored(server).every((name) => /^[0-9a-f-]{36}$/.test(name))).toBe(true);

  const long = await namesOf(await send(server, form(filePart(`${"é".repeat(2_000)}.png`))));
  expect(Buffer.byteLength(long[0] ?? "")).toBeLessThanOrEqual(255);
  expect(long[0]).toMatch(/^é+\.png$/);
  const quoted = form(
    part('name="files"; filename="a \\"b\\".png"', PNG),
    filePart("C:\\x\\写真.png"),
    filePart("%22.png"),
  );
  expect(await namesOf(await send(server, quoted))).toEqual(['a "b".png', "写真.png", '".png']);
  expect((await send(server, form(filePart("x".repeat(65_536))))).status).toBe(413);
});

test("limits are kept while the file comes: too large is refused at once and removed (row 13)", async () => {
  const server = await startServer({
    limits: { fileBytes: 100_000, requestBytes: 250_000, sessionBytes: 300_000, filesPerRequest: 3 },
  });
  const large = (bytes: number) => ({ name: "a.png", data: new Uint8Array(Buffer.concat([PNG, Buffer.alloc(bytes)])) });
  const browser = new Browser(server);
  expect((await browser.upload([large(100_000)])).status).toBe(413);
  expect((await browser.upload([large(90_000), large(90_000), large(90_000)])).status).toBe(413);
  expect((await browser.upload([large(1), large(1), large(1), large(1)])).status).toBe(413);
  expect(stored(server)).toEqual([]);
  for (let time = 0; time < 3; time++) expect((await browser.upload([large(90_000)])).status).toBe(201);
  expect(await problemOf(await browser.upload([large(90_000)]))).toBe("too-large");
  const [file] = stored(server);
  expect((await browser.fetch(`/api/uploads/${file}`, { method: "DELETE" })).status).toBe(204);
  expect((await browser.upload([large(90_000)])).status).toBe(201);

  const announced = await beginUpload(server.url, ["Content-Length: 10737418240"]);
  expect(await answerOn(announced, (text) => text.includes("\r\n\r\n"))).toMatch(/^HTTP\/1\.1 413/);
  announced.destroy();

  // Endless: the answer comes while the client still sends, and then the connection ends.
  const endless = await beginUpload(server.url, ["Transfer-Encoding: chunked"]);
  const answered = answerOn(endless);
  const chunk = (data: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
  endless.write(chunk(filePart("a.png").subarray(0, -2)));
  while (!endless.destroyed && !endless.closed) {
    if (!endless.write(chunk(Buffer.alloc(65_536)))) {
      await new Promise<void>((resolve) => endless.once("drain", resolve).once("close", resolve));
    }
    await setImmediate();
  }
  expect(await answered).toMatch(/^HTTP\/1\.1 413/);
  expect(stored(server)).toHaveLength(3);
});

test("what a session sends in on a day is bounded, even if it removes it again and the server is another", async () => {
  const first = await startServer({ limits: { sessionBytesPerDay: 1_000 } });
  let server = first;
  const page = new Browser({ fetch: (path, init) => server.fetch(path, init) });
  const file = { name: "a.png", data: new Uint8Array(Buffer.concat([PNG, Buffer.alloc(400)])) };
  const [fileId] = await page.uploaded([file]);
  expect((await page.fetch(`/api/uploads/${fileId}`, { method: "DELETE" })).status).toBe(204);
  await first.close();
  const { milepost, files } = first;
  server = await startServer({ milepost, files, limits: { sessionBytesPerDay: 1_000 } });
  const second = await page.upload([file]);
  expect([second.status, await problemOf(second)]).toEqual([429, "rate-limited"]);
  const leftS = Number(second.headers.get("retry-after"));
  expect([leftS > 0, leftS <= 86_400]).toEqual([true, true]);
  expect(stored(server)).toEqual([]);
  expect((await new Browser(server).upload([file])).status).toBe(201);
});

test("servers that share a folder list what each of them took and removed", async () => {
  const one = await startServer();
  const other = await startServer({ milepost: one.milepost, files: one.files });
  let server = one;
  const page = new Browser({ fetch: (path, init) => server.fetch(path, init) });
  const listed = async (): Promise<readonly string[]> =>
    uploadsSchema.parse(await (await page.fetch("/api/uploads")).json()).files.map(({ filename }) => filename);
  const [first] = await page.uploaded([{ name: "a.png", data: new Uint8Array(PNG) }]);
  server = other;
  expect(await listed()).toEqual(["a.png"]);
  await page.uploaded([{ name: "b.png", data: new Uint8Array(PNG) }]);
  expect((await page.fetch(`/api/uploads/${first}`, { method: "DELETE" })).status).toBe(204);
  server = one;
  expect(await listed()).toEqual(["b.png"]);
});

test("a disk without room takes nothing", async () => {
  const server = await startServer({ limits: { freeBytes: Number.MAX_SAFE_INTEGER } });
  const answer = await new Browser(server).upload([{ name: "a.png", data: new Uint8Array(PNG) }]);
  expect(answer.status).toBe(507);
  expect(answer.headers.get("retry-after")).not.toBeNull();
});

test("uploads that are cut off leave nothing, however many there are", async () => {
  const errors: string[] = [];
  const log = { write: (line: string) => line.includes('"level":50') && errors.push(line) };
  const server = await startServer({ limits: { sessionsPerHour: 1_000 }, log });
  const before = process.memoryUsage().rss;
  const body = Buffer.concat([filePart("whole.png"), filePart("cut.png", Buffer.concat([PNG, Buffer.alloc(20_000)]))]);
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        const socket = await beginUpload(server.url, ["Content-Length: 1000000"]);
        await new Promise<void>((resolve) => socket.write(body, () => resolve()));
        const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
        socket.destroy();
        await closed;
      }),
    );
  }
  await expect.poll(() => stored(server), { timeout: 10_000 }).toEqual([]);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
  // That a client leaves is no fault of the server's.
  expect(errors).toEqual([]);
  expect((await new Browser(server).upload([{ name: "a.png", data: new Uint8Array(PNG) }])).status).toBe(201);
});

test("uploads over the limit wait their turn, and as many more are refused", async () => {
  const server = await startServer({ limits: { uploadsAtOnce: 1 } });
  const body = form(filePart("a.png"));
  const length = `Content-Length: ${body.length}`;
  const first = await beginUpload(server.url, [length, "Connection: close"]);
  first.write(body.subarray(0, 200));
  await expect.poll(() => stored(server)).toHaveLength(1);
  const second = await beginUpload(server.url, [length, "Connection: close"]);
  second.write(body);
  // Its head has been read once a later request is answered.
  expect((await server.fetch("/api/pipelines")).status).toBe(200);
  const third = await new Browser(server).upload([{ name: "a.png", data: new Uint8Array(PNG) }]);
  expect([third.status, await problemOf(third)]).toEqual([429, "rate-limited"]);
  expect(third.headers.get("retry-after")).not.toBeNull();
  const answers = [answerOn(first), answerOn(second)];
  expect(stored(server)).toHaveLength(1);
  first.write(body.subarray(200));
  for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 201/);
  expect(stored(server)).toHaveLength(2);
});

test("no address can take every place: others go on while its uploads drip", async () => {
  const server = await startServer({ trustProxy: true, limits: { uploadsPerAddress: 1 } });
  const body = form(filePart("a.png"));
  const from = (address: string) => [
    `Content-Length: ${body.length}`,
    "Connection: close",
    `X-Forwarded-For: ${address}`,
  ];
  const first = await beginUpload(server.url, from("10.0.0.1"));
  first.write(body.subarray(0, 200));
  await expect.poll(() => stored(server)).toHaveLength(1);
  const send = async (address: string): Promise<string> => {
    const socket = await beginUpload(server.url, from(address));
    socket.write(body);
    return (await answerOn(socket)).slice(0, 12);
  };
  expect([await send("10.0.0.1"), await send("10.0.0.2"), await send("127.0.0.1")]).toEqual([
    "HTTP/1.1 429",
    "HTTP/1.1 201",
    "HTTP/1.1 201",
  ]);
  const answer = answerOn(first);
  first.write(body.subarray(200));
  expect(await answer).toMatch(/^HTTP\/1\.1 201/);
  expect(await send("10.0.0.1")).toBe("HTTP/1.1 201");
});
