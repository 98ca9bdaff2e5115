import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { codeOf } from "./disk.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** How a file is sent to who takes it so; made when the page is built. */
const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

/** A file of the page, in memory: there are few, and they are small. */
export interface PageFile {
  /** Its address: `/assets/main-C0ffee.js`. */
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly encoded: readonly { readonly name: string; readonly body: Buffer }[];
}

/** All files of a built page; null where it was not built. */
export async function readPageFiles(folder: string): Promise<readonly PageFile[] | null> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  });
  if (names === null || !names.includes("index.html")) return null;
  const known = new Set(names);
  return Promise.all(
    names.flatMap((name) => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [readPageFile(folder, { name, type, known })];
    }),
  );
}

async function readPageFile(
  folder: string,
  { name, type, known }: { readonly name: string; readonly type: string; readonly known: ReadonlySet<string> },
): Promise<PageFile> {
  const body = await readFile(join(folder, name));
  const there = ENCODINGS.filter(({ suffix }) => known.has(name + suffix));
  const encoded = there.map(async (encoding) => {
    return { name: encoding.name, body: await readFile(join(folder, name + encoding.suffix)) };
  });
  const etag = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { path: `/${name.split(sep).join("/")}`, type, etag, body, encoded: await Promise.all(encoded) };
}
