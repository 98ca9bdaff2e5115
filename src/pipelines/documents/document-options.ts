import { isAbsolute } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isStorableText } from "../../core/json.ts";

/** How a batch of documents is taken in: the options of a batch of the pipeline `documents`. A type, not an interface, so that it is `Json`. */
export type DocumentOptions = {
  /** The index, an SQLite file; an absolute path. It is made if there is none. */
  readonly index: string;
  /** Characters of a chunk at most, 100 to 8,000; default 800. */
  readonly chunkSize: number;
  /** Characters that a chunk repeats of the one before at most, 0 to half a chunk; default a fifth. */
  readonly overlap: number;
  /** True (default): pages of PDFs are rendered, kept as small pictures and embedded. */
  readonly visual: boolean;
  /** The folder of a model for `@huggingface/transformers`, absolute; null (default) for the built-in embedder. */
  readonly model: string | null;
};

export const CHUNK_SIZE = { least: 100, most: 8_000, usual: 800 } as const;

const NAMES = ["index", "chunkSize", "overlap", "visual", "model"] as const;

/**
 * Checks the options of a batch and fills in the defaults. What is `undefined` or null counts as not given.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, naming the option, what was expected and what was found.
 */
export function toDocumentOptions(given: unknown): DocumentOptions {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw refused("the options of a document batch", "an object with at least `index`", given);
  }
  const fields: Readonly<Record<string, unknown>> = { ...given };
  const stranger = Object.keys(fields).find((name) => !NAMES.some((known) => known === name));
  if (stranger !== undefined) throw refused("a document option", `one of ${NAMES.join(", ")}`, stranger);
  const { least, most, usual } = CHUNK_SIZE;
  const chunkSize = toWhole("chunkSize", fields.chunkSize ?? usual, least, most);
  const { visual = true } = fields;
  if (typeof visual !== "boolean" && visual !== null) throw refused("visual", "true or false", visual);
  return {
    index: toPath("index", fields.index),
    chunkSize,
    overlap: toWhole("overlap", fields.overlap ?? Math.floor(chunkSize / 5), 0, Math.floor(chunkSize / 2)),
    visual: visual ?? true,
    model: fields.model === undefined || fields.model === null ? null : toPath("model", fields.model),
  };
}

/** What of the options makes another document of the same content. */
export function settingsOf({ chunkSize, overlap, visual }: DocumentOptions): string {
  return JSON.stringify({ chunkSize, overlap, visual });
}

function toPath(name: string, value: unknown): string {
  if (typeof value === "string" && isAbsolute(value) && isStorableText(value)) return value;
  throw refused(name, "an absolute path", value);
}

function toWhole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw refused(name, `a whole number from ${least} to ${most}`, value);
}

function refused(what: string, expected: string, found: unknown): MilepostError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new MilepostError("INVALID_ARGUMENT", `${what} must be ${expected}; found ${shown}`, { details: { found } });
}
