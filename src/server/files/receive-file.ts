import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { FileType } from "../../pipelines/uploads.ts";
import { refusal } from "../problems.ts";
import { cleanName } from "./clean-name.ts";
import { syncPath, writeDurably } from "./disk.ts";
import type { Part } from "./multipart.ts";
import type { StoredUpload } from "./uploads.ts";

/** Bytes of a file's beginning that tell what it is. */
const HEAD_BYTES = 4_096;
/** No file of any kind is shorter. */
const FILE_BYTES_MIN = 2;

interface Receiving {
  /** Made already, empty, of this upload's own. */
  readonly folder: string;
  readonly fileId: string;
  readonly owner: string;
  readonly bytesMax: number;
  readonly accepts: (head: Uint8Array, filename: string) => FileType | null;
  /** Hears how much has come; may refuse more by throwing. */
  readonly onBytes: (bytes: number) => Promise<void>;
}

/**
 * Writes the file of a part as it comes, after its first bytes have told what it is. `synced` resolves when all of it is on the
 * disk; meanwhile the next file may come.
 *
 * @throws {Refusal} `media-type`, `too-large`, `validation` (nothing in it)
 */
export async function receiveFile(
  part: Part,
  to: Receiving,
): Promise<{ readonly upload: StoredUpload; readonly synced: Promise<void> }> {
  const data = await open(join(to.folder, "data"), "wx", 0o600);
  let received: { readonly size: number; readonly sha256: string; readonly type: FileType };
  try {
    received = await write(part, to, data);
  } finally {
    await data.close();
  }
  const { size, sha256, type } = received;
  const filename = cleanName(part.filename ?? "", `file.${type.extension}`);
  const { fileId, owner } = to;
  const upload = { fileId, owner, filename, size, sha256, uploadedAt: Date.now(), ...type };
  const synced = makeDurable(to.folder, upload);
  // Who waits for it hears of its failure then; nobody may hear of it before.
  synced.catch(() => {});
  return { upload, synced };
}

async function write(part: Part, to: Receiving, data: FileHandle) {
  const early: Buffer[] = [];
  const hash = createHash("sha256");
  let type: FileType | null = null;
  let size = 0;
  const recognize = async (): Promise<void> => {
    const head = Buffer.concat(early);
    type = to.accepts(head.subarray(0, HEAD_BYTES), part.filename ?? "");
    if (type === null) {
      throw refusal(
        "media-type",
        `the content of ${nameOf(part)} is none of the kinds that are accepted, whatever its name says`,
      );
    }
    await data.appendFile(head);
  };
  for await (const piece of part.body) {
    size += piece.length;
    if (size > to.bytesMax) {
      throw refusal("too-large", `${nameOf(part)} is too large: a file may have at most ${to.bytesMax} bytes`);
    }
    await to.onBytes(size);
    hash.update(piece);
    if (type !== null) {
      await data.appendFile(piece);
    } else {
      early.push(piece);
      if (size >= HEAD_BYTES) await recognize();
    }
  }
  if (size < FILE_BYTES_MIN) throw refusal("validation", `${nameOf(part)} is empty`);
  if (type === null) await recognize();
  return { size, sha256: hash.digest("hex"), type: type as FileType | null as FileType };
}

/** The file as its sender may know it: of many, one was refused. */
function nameOf({ filename }: Part): string {
  return JSON.stringify(cleanName(filename ?? "", "file"));
}

async function makeDurable(folder: string, upload: StoredUpload): Promise<void> {
  await syncPath(join(folder, "data"));
  await writeDurably(join(folder, "meta.json"), JSON.stringify(upload));
  await syncPath(folder);
}
