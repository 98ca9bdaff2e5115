import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { invariant } from "../../../core/invariant.ts";
import { loadS3, type S3 } from "./load-s3.ts";
import { toStorageError } from "./s3-errors.ts";
import { type S3Location, toS3Location } from "./s3-location.ts";
import type { Storage, StoredFile } from "./storage.ts";

/** A file that is larger goes in parts of this size, one after the other: so much of it is in memory, and no more. */
const PART_BYTES = 8_388_608;
/** The most keys that one request may delete. */
const DELETE_KEYS_MAX = 1_000;

/**
 * Opens a bucket of Amazon S3 or of storage that speaks like it. Credentials come from the environment, as its SDK finds them.
 *
 * @param text `s3://bucket/prefix?endpoint=https://host:9000&region=eu-central-1`
 * @throws {MilepostError} `INVALID_ARGUMENT`, `MISSING_DEPENDENCY`
 */
export async function openS3Storage(text: string): Promise<S3Storage> {
  const location = toS3Location(text);
  const { endpoint, region } = location;
  const s3 = await loadS3();
  const client = new s3.S3Client({
    ...(region !== null && { region }),
    // Storage that is not Amazon's has seldom a host name for each bucket, and does not know its newest checksums.
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  return new S3Storage(location, { s3, client });
}

/** Made by `openS3Storage`. Whoever opens one closes it. */
export class S3Storage implements Storage {
  readonly location: string;
  readonly #s3: S3;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ bucket, prefix }: S3Location, { s3, client }: { readonly s3: S3; readonly client: S3Client }) {
    this.location = `s3://${bucket}/${prefix}`;
    this.#s3 = s3;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async put(key: string, content: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }> {
    const parts = partsOf(content);
    const first = await parts.next();
    const body = first.value ?? Buffer.alloc(0);
    if (first.done === true || body.length < PART_BYTES) {
      await this.#told(this.#client.send(new this.#s3.PutObjectCommand({ ...this.#at(key), Body: body })));
      return { bytes: body.length };
    }
    return this.#putInParts(key, body, parts);
  }

  async open(key: string): Promise<StoredFile | null> {
    const at = this.#at(key);
    const { HeadObjectCommand, GetObjectCommand } = this.#s3;
    const found = await this.#told(this.#client.send(new HeadObjectCommand(at)).catch(nullIfMissing));
    if (found === null) return null;
    const { ContentLength: bytes, ETag: etag } = found;
    invariant(bytes !== undefined && etag !== undefined, "what lies in S3 has a size and a tag");
    return {
      bytes,
      etag,
      read: async (range) => {
        const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` };
        const { Body } = await this.#told(this.#client.send(new GetObjectCommand({ ...at, ...part, IfMatch: etag })));
        invariant(Body instanceof Readable, "under Node a body is a stream of Node's");
        return Body;
      },
      close: async () => {},
    };
  }

  async *list(prefix: string): AsyncGenerator<readonly string[]> {
    let after: string | undefined;
    do {
      const command = new this.#s3.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: `${this.#prefix}${prefix}`,
        ...(after !== undefined && { ContinuationToken: after }),
      });
      const page = await this.#told(this.#client.send(command));
      const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      if (keys.length > 0) yield keys.map((key) => key.slice(this.#prefix.length));
      after = page.NextContinuationToken;
    } while (after !== undefined);
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += DELETE_KEYS_MAX) {
      const Objects = keys.slice(from, from + DELETE_KEYS_MAX).map((key) => ({ Key: `${this.#prefix}${key}` }));
      const Delete = { Objects, Quiet: true };
      const command = new this.#s3.DeleteObjectsCommand({ Bucket: this.#bucket, Delete });
      const { Errors = [] } = await this.#told(this.#client.send(command));
      const [failed] = Errors;
      if (failed !== undefined) throw new Error(`${failed.Key ?? "a file"} could not be removed: ${failed.Message}`);
    }
  }

  /** Ends its connections. */
  close(): void {
    this.#client.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Nothing can be seen of it before the last part is there; what is cut off is given up, so that nobody pays for its parts. */
  async #putInParts(key: string, first: Buffer, rest: AsyncIterable<Buffer>): Promise<{ readonly bytes: number }> {
    const at = this.#at(key);
    const { CreateMultipartUploadCommand, UploadPartCommand, CompleteMultipartUploadCommand } = this.#s3;
    const { UploadId } = await this.#told(this.#client.send(new CreateMultipartUploadCommand(at)));
    const Parts: { readonly ETag: string | undefined; readonly PartNumber: number }[] = [];
    let bytes = 0;
    const send = async (Body: Buffer): Promise<void> => {
      const PartNumber = Parts.length + 1;
      const command = new UploadPartCommand({ ...at, UploadId, PartNumber, Body });
      const { ETag } = await this.#told(this.#client.send(command));
      Parts.push({ ETag, PartNumber });
      bytes += Body.length;
    };
    try {
      await send(first);
      for await (const part of rest) await send(part);
      const command = new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } });
      await this.#told(this.#client.send(command));
      return { bytes };
    } catch (error) {
      // A rule of the bucket removes what cannot even be given up.
      await this.#client.send(new this.#s3.AbortMultipartUploadCommand({ ...at, UploadId })).catch(() => {});
      throw error;
    }
  }

  async #told<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw toStorageError(error, this.location);
    }
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${key}` };
  }
}

/** The content in buffers of exactly the size of a part, but for the last. */
async function* partsOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of content) {
    for (let from = 0; from < piece.length; ) {
      const taken = piece.subarray(from, from + PART_BYTES - bytes);
      pieces.push(taken);
      bytes += taken.length;
      from += taken.length;
      if (bytes < PART_BYTES) continue;
      yield Buffer.concat(pieces);
      pieces = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(pieces);
  return undefined;
}

function nullIfMissing(error: unknown): null {
  const isMissing = error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchKey");
  if (isMissing) return null;
  throw error;
}
