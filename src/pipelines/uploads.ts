import type { z } from "zod";
import type { Json } from "../core/json.ts";
import type { NewItem } from "../engine/submit.ts";

/** What a file is by its content. */
export interface FileType {
  /** `image/jpeg`. */
  readonly type: string;
  /** Without its dot. */
  readonly extension: string;
}

/** A file that somebody uploaded, as a pipeline gets it for an item. */
export interface UploadedFile {
  readonly fileId: string;
  /** For people; it is the name of no file here. */
  readonly filename: string;
  readonly size: number;
  /** The SHA-256 of its content, in hexadecimal digits. */
  readonly sha256: string;
  readonly extension: string;
  /** Where the item finds it: an absolute path. */
  readonly path: string;
}

/** The same, with where its content lies while the batch is made. */
export interface StoredFile extends UploadedFile {
  readonly content: string;
}

/** Items that are made of several files together. */
export interface ItemsOfFiles {
  readonly items: readonly Exclude<NewItem, string>[];
  /** By the id of each file the key of an item that it is for: it is kept as long as that. */
  readonly keys: ReadonlyMap<string, string>;
}

/** What a pipeline's item made, for whoever downloads it. */
export interface MadeFile {
  readonly path: string;
  readonly type: string;
  readonly extension: string;
}

/** What belongs to the owner of a batch and outlasts it: absolute paths. */
export interface OwnedPlaces {
  /** His index of documents; made by the first that is stored in it. */
  readonly index: string;
}

/**
 * What a pipeline takes from strangers: which files, which options, and how they become a batch. The pipeline itself works on
 * paths and trusts them; here stands what may reach it from outside.
 */
export interface UploadFacet<Options = unknown> {
  readonly pipeline: string;
  /** True: its batches write to the index of their owner. */
  readonly keepsIndex?: boolean;
  /** Every type that `accepts` can answer with, for people. */
  readonly types: readonly string[];
  /** The steps that its items go through, for people. */
  readonly stages: readonly string[];
  /** Tells by its first bytes what a file is; null for one that is not taken. Names are a hint and never enough. */
  accepts(head: Uint8Array, filename: string): FileType | null;
  /** What may be asked for; never where anything is read or written. */
  readonly options: z.ZodType<Options>;
  /** @throws {MilepostError} `INVALID_ARGUMENT` for options that contradict each other */
  toBatchOptions(options: Options, outFolder: string, places: OwnedPlaces): Json;
  /**
   * The item for a file; its key follows from the file alone (its id, its content), so that a file given twice is one item.
   * @param options the batch's, as `toBatchOptions` made them
   */
  toItem(file: UploadedFile, options: Json): Exclude<NewItem, string>;
  /**
   * Instead of `toItem`, where files belong together: the items of all files of a request.
   * @throws {MilepostError} `INVALID_ARGUMENT` for files that make nothing
   */
  toItems?(files: readonly StoredFile[], options: Json): Promise<ItemsOfFiles>;
  /** What an item that has ended made; null for an output that is none of this pipeline's. */
  toMadeFile(output: Json): MadeFile | null;
}
