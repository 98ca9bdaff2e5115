import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";
import type { Io } from "./io.ts";

/**
 * Reads file names, one a line, or ended by NUL with `isNul`; empty ones are left out. `-` is standard input.
 *
 * @throws {MilepostError} `NOT_FOUND` if the list is missing; `INVALID_ARGUMENT` for a folder, and for names that are not UTF-8:
 * replacement characters would make one of several, and none that is there.
 */
export async function readNames(io: Io, source: string, isNul: boolean): Promise<readonly string[]> {
  const separator = isNul ? "\0" : "\n";
  let input = io.stdin;
  if (source !== "-") {
    const path = resolve(io.cwd, source);
    const facts = await stat(path).catch(() => null);
    if (facts === null) throw new MilepostError("NOT_FOUND", `the list of files ${escapeText(source)} does not exist`);
    if (facts.isDirectory())
      throw new MilepostError("INVALID_ARGUMENT", `${escapeText(source)} is a folder, not a list of files`);
    input = createReadStream(path);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  const bytes = Buffer.concat(chunks);
  if (!isUtf8(bytes)) throw notUtf8(bytes, separator);
  return new TextDecoder().decode(bytes).split(separator).filter(isNotEmpty);
}

function notUtf8(bytes: Buffer, separator: string): MilepostError {
  // In Latin-1 a byte is a character, so that each name can be looked at by itself.
  const names = bytes.toString("latin1").split(separator).filter(isNotEmpty);
  const wrong = names.find((name) => !isUtf8(Buffer.from(name, "latin1"))) ?? "";
  const shown = escapeText(Buffer.from(wrong, "latin1").toString());
  return new MilepostError("INVALID_ARGUMENT", `every name in the list must be UTF-8; found ${shown}: rename it`);
}

function isNotEmpty(name: string): boolean {
  return name !== "";
}
