import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { archiveOf } from "../../src/server/files/archive.ts";
import { FolderStorage } from "../../src/server/files/storage/folder-storage.ts";
import { loadS3 } from "../../src/server/files/storage/load-s3.ts";
import { toS3Location } from "../../src/server/files/storage/s3-location.ts";
import { openS3Storage } from "../../src/server/files/storage/s3-storage.ts";
import type { Storage } from "../../src/server/files/storage/storage.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { startS3 } from "./support/s3-server.ts";

const MIB = 1_048_576;

async function openS3(prefix = "a/prefix"): Promise<Storage> {
  const server = await startS3();
  const storage = await openS3Storage(server.location(prefix));
  onTestFinished(async () => {
    storage.close();
    await server.stop();
  });
  return storage;
}

const KINDS: Readonly<Record<string, () => Promise<Storage>>> = {
  "a folder": async () => new FolderStorage(temporaryFolder()),
  S3: openS3,
};

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(9 * MIB);
  throw new Error("the sender went away");
}

/** `mebibytes` of content of which no two are alike, in pieces of odd sizes. */
async function* large(mebibytes: number): AsyncGenerator<Uint8Array> {
  const whole = Buffer.concat(Array.from({ length: mebibytes }, (_, n) => Buffer.alloc(MIB, n)));
  for (let from = 0; from < whole.length; from += 777_777) yield whole.subarray(from, from + 777_777);
}

async function hashOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of content) hash.update(piece);
  return hash.digest("hex");
}

async function textAt(storage: Storage, key: string, range?: { readonly start: number; readonly end: number }) {
  const file = await storage.open(key);
  return file === null ? null : String(await buffer(await file.read(range)));
}

async function keysOf(storage: Storage, prefix = ""): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const page of storage.list(prefix)) keys.push(...page);
  return keys.sort();
}

describe.each(Object.entries(KINDS))("files in %s", (_, open) => {
  test("are stored, read whole and in part, replaced, listed and removed", async () => {
    const storage = await open();
    expect(await storage.put("b1/out/a.png", pieces("01234", "56789"))).toEqual({ bytes: 10 });
    await storage.put("b1/out/空 ü+%.png", pieces("other"));
    await storage.put("b2/out/a.png", pieces());
    const file = await storage.open("b1/out/a.png");
    expect(file).toMatchObject({ bytes: 10, etag: expect.stringMatching(/^"[^"]+"$/) });
    await file?.close();
    expect(await textAt(storage, "b1/out/a.png")).toBe("0123456789");
    expect(await textAt(storage, "b1/out/a.png", { start: 2, end: 4 })).toBe("234");
    expect(await textAt(storage, "b2/out/a.png")).toBe("");
    expect(await textAt(storage, "b1/out/none.png")).toBeNull();
    expect(await keysOf(storage)).toEqual(["b1/out/a.png", "b1/out/空 ü+%.png", "b2/out/a.png"].sort());
    expect(await keysOf(storage, "b1/")).toHaveLength(2);
    await storage.put("b1/out/a.png", pieces("new"));
    expect(await textAt(storage, "b1/out/a.png")).toBe("new");
    const next = await storage.open("b1/out/a.png");
    await next?.close();
    expect(next?.etag).not.toBe(file?.etag);
    await storage.remove(["b1/out/a.png", "b1/out/none.png"]);
    expect(await keysOf(storage)).toHaveLength(2);
  });

  test("that are large go and come in parts, whole", async () => {
    const storage = await open();
    expect(await storage.put("large", large(19))).toEqual({ bytes: 19 * MIB });
    const file = await storage.open("large");
    expect(file?.bytes).toBe(19 * MIB);
    expect(await hashOf((await file?.read()) ?? pieces())).toBe(await hashOf(large(19)));
    expect(await storage.put("even", large(8))).toEqual({ bytes: 8 * MIB });
  });

  test("whose sender goes away in the middle leave what was there", async () => {
    const storage = await open();
    await storage.put("key", pieces("before"));
    await expect(storage.put("key", broken())).rejects.toThrow("the sender went away");
    expect(await textAt(storage, "key")).toBe("before");
    expect(await keysOf(storage)).toEqual(["key"]);
  });

  test("are sent as one archive, read as it is made", async () => {
    const storage = await open();
    await storage.put("one", pieces("first file"));
    await storage.put("two", large(9));
    const entry = (key: string) => ({ key, name: `${key}.bin`, time: new Date("2026-01-02T03:04:05Z") });
    async function* pages() {
      yield [entry("one")];
      yield [entry("two")];
    }
    const zip = await buffer(archiveOf(storage, pages()));
    expect(zip.subarray(0, 4).toString("latin1")).toBe("PK\x03\x04");
    expect(zip.includes("first file")).toBe(true);
    expect(zip.length).toBeGreaterThan(9 * MIB);
    async function* gone() {
      yield [entry("gone")];
    }
    await expect(buffer(archiveOf(storage, gone()))).rejects.toThrow("went away");
  });
});

test("a folder never gives what a link leads to", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "b"));
  writeFileSync(join(folder, "secret"), "secret");
  symlinkSync(join(folder, "secret"), join(folder, "b", "link"));
  const storage = new FolderStorage(folder);
  expect(await storage.open("b/link")).toBeNull();
});

test("what is replaced while it is read is never sent half and half", async () => {
  const storage = await openS3();
  await storage.put("key", pieces("before"));
  const file = await storage.open("key");
  await storage.put("key", pieces("after it"));
  // A server that knows no If-Match sends what is there now; a real one refuses.
  const found = await file?.read().then(buffer, () => null);
  expect([null, "after it"]).toContain(found === null || found === undefined ? null : String(found));
});

test("the address of a bucket is taken apart, and says what is wrong with it", () => {
  expect(toS3Location("s3://files")).toEqual({ bucket: "files", prefix: "", endpoint: null, region: null });
  expect(toS3Location("s3://files/a/b/?region=eu&endpoint=https://host:9000")).toEqual({
    bucket: "files",
    prefix: "a/b/",
    endpoint: "https://host:9000",
    region: "eu",
  });
  for (const wrong of [
    "files",
    "s3://",
    "s3://A_B/x",
    "http://files",
    "s3://k:s@files",
    "s3://files?key=x",
    "s3://files?endpoint=ftp://x",
  ])
    expect(() => toS3Location(wrong), wrong).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("without its client it says what to install", async () => {
  const missing = loadS3(() => Promise.reject(new Error("Cannot find package")));
  await expect(missing).rejects.toMatchObject({
    code: "MISSING_DEPENDENCY",
    message: expect.stringContaining("npm install"),
  });
});
