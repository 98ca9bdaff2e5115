import type { Readable } from "node:stream";
import type { ByteRange } from "../../range.ts";

/**
 * Where files lie under keys: relative paths of plain names with slashes between them. A folder, which several machines may see, or a
 * bucket in S3-compatible storage.
 */
export interface Storage {
  /** For people, without secrets. */
  readonly location: string;
  /** Stores all that comes, as one file, in place of what is there; if `content` throws, nothing has changed. Never held whole in memory. */
  put(key: string, content: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }>;
  /** The file of a key as it is now; null where there is none. Whoever gets one closes it. */
  open(key: string): Promise<StoredFile | null>;
  /** The keys that begin with `prefix`, in pages, in no order. */
  list(prefix: string): AsyncIterable<readonly string[]>;
  /** Removes the files of these keys; one that is not there is gone already. */
  remove(keys: readonly string[]): Promise<void>;
}

/** One state of a file: size, tag and content belong together, whatever is put in its place meanwhile. */
export interface StoredFile {
  readonly bytes: number;
  /** Strong, quoted. */
  readonly etag: string;
  /** Its content, or a part; once. Its end, or its destruction, closes the file. */
  read(range?: ByteRange): Promise<Readable>;
  /** To be called by who does not read. */
  close(): Promise<void>;
}
