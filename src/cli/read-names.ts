import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";
import type { Io } from "./io.ts";

/**
 * Reads file names, one a line, or ended by NUL with `isNul`; empty ones are left out. `-` is standard input.
 *
 * @throws {MilepostError} `NOT_FOUND` if the list is missing.
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
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of input) text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  text += decoder.decode();
  return text.split(separator).filter((name) => name !== "");
}
