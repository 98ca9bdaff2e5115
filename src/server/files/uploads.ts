import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileType } from "../../pipelines/uploads.ts";
import { isLeftover, isMarked, markedName } from "../../platform/process-mark.ts";
import { refusal } from "../problems.ts";
import type { ServerLimits } from "../settings.ts";
import { asRefusal, codeOf, namesIn, removeAll, requireRoom, syncPath } from "./disk.ts";
import type { Part } from "./multipart.ts";
import { receiveFile } from "./receive-file.ts";
import { type Allowance, giveBack, UploadCharge } from "./upload-charge.ts";

/** An upload as it was acknowledged. */
export interface StoredUpload extends FileType {
  readonly fileId: string;
  readonly owner: string;
  readonly filename: string;
  readonly size: number;
  /** Of the content, in hexadecimal digits. */
  readonly sha256: string;
  /** Milliseconds since 1970. */
  readonly uploadedAt: number;
}

/** Tells by its first bytes what a file is; null for one that is not taken. */
interface Taker {
  readonly accepts: (head: Uint8Array, filename: string) => FileType | null;
}

const FILE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FIELDS_MAX = 20;
const FIELD_BYTES_MAX = 65_536;

/**
 * The files that were sent in, each a folder `<fileId>` with `data` and `meta.json`. It is made under a marked name and renamed
 * when all of it is on the disk: an upload is there whole or not at all, and one that was acknowledged survives a power cut.
 * What this process does not know of a folder it reads, so several servers may share it.
 */
export class Uploads {
  readonly #folder: string;
  readonly #limits: ServerLimits;
  readonly #allowance: Allowance;
  readonly #accepts: Taker["accepts"];
  readonly #byOwner = new Map<string, Map<string, StoredUpload>>();

  constructor(parts: {
    readonly folder: string;
    readonly limits: ServerLimits;
    readonly allowance: Allowance;
    readonly accepts: Taker["accepts"];
  }) {
    this.#folder = parts.folder;
    this.#limits = parts.limits;
    this.#allowance = parts.allowance;
    this.#accepts = parts.accepts;
  }

  /**
   * Takes the files of a form: all of them or, where anything is wrong with one, none. Nothing is ever held whole in memory.
   * @param taker takes only what this one accepts; left out: what anybody does
   * @throws {Refusal} what is wrong, as soon as it is known; what had come in is removed
   */
  async receive(
    parts: AsyncIterable<Part>,
    owner: string,
    taker: Taker = { accepts: this.#accepts },
  ): Promise<readonly StoredUpload[]> {
    const charge = new UploadCharge(this.#allowance, owner);
    const received: { readonly upload: StoredUpload; readonly folder: string; readonly synced: Promise<void> }[] = [];
    try {
      for await (const part of this.#filesAmong(parts))
        received.push(await this.#receiveOne(part, charge, { owner, ...taker }));
      if (received.length === 0) throw refusal("malformed", "the form has no file in it; send some as `files`");
      for (const { synced } of received) await synced;
      await charge.settle();
      for (const { upload, folder } of received) await rename(folder, join(this.#folder, upload.fileId));
      await syncPath(this.#folder);
    } catch (error) {
      await Promise.allSettled(received.map(({ synced }) => synced));
      for (const { upload, folder } of received) {
        for (const name of [folder, join(this.#folder, upload.fileId)]) await removeAll(name).catch(() => {});
      }
      await charge.cancel();
      throw asRefusal(error);
    }
    for (const { upload } of received) this.#remember(upload);
    return received.map(({ upload }) => upload);
  }

  /** An upload of this owner; null for any other, and for what is none. */
  async find(fileId: string, owner: string): Promise<StoredUpload | null> {
    const upload = await this.#read(fileId);
    return upload?.owner === owner ? upload : null;
  }

  /** The owner's uploads, the oldest first. */
  async list(owner: string): Promise<readonly StoredUpload[]> {
    await this.#lookAround();
    return [...(this.#byOwner.get(owner)?.values() ?? [])].toSorted((a, b) => a.uploadedAt - b.uploadedAt);
  }

  /** Removes an upload of this owner; batches that were made of it keep what they need. False: there is none. */
  async remove(fileId: string, owner: string): Promise<boolean> {
    if ((await this.find(fileId, owner)) === null) return false;
    const isUsed = (await this.#usesOf(fileId)) > 1;
    await this.#discard(fileId);
    this.#forget(owner, fileId);
    if (!isUsed) await giveBack(this.#allowance, owner, [fileId]);
    return true;
  }

  /** Where the content of an upload lies. */
  pathOf(fileId: string): string {
    return join(this.#folder, fileId, "data");
  }

  /**
   * Removes what processes that are dead were writing, and uploads that came longer ago than the retention and that no batch uses
   * (their content has no second name). What remains is counted anew.
   */
  async sweep(now: number): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      const path = join(this.#folder, name);
      if (isMarked(name)) {
        if (await isLeftover(this.#folder, name)) await removeAll(path);
        else this.#allowance.holdings.keep(name.slice(0, name.indexOf(".")));
        continue;
      }
      const upload = await this.#read(name);
      if (upload === null) continue;
      if (now - upload.uploadedAt > this.#limits.retentionMs && (await this.#usesOf(name)) <= 1) {
        await this.#discard(name);
        this.#forget(upload.owner, name);
      } else {
        this.#remember(upload);
      }
    }
  }

  /** The files of a form. Whatever else stands in it is refused at its end, unless there is too much of it. */
  async *#filesAmong(parts: AsyncIterable<Part>): AsyncGenerator<Part> {
    let fault: Error | null = null;
    let fields = 0;
    let files = 0;
    for await (const part of parts) {
      const isFile = part.filename !== null;
      if (isFile ? ++files > this.#limits.filesPerRequest : ++fields > FIELDS_MAX) {
        const most = `${this.#limits.filesPerRequest} files and ${FIELDS_MAX} other fields`;
        throw refusal("too-large", `a form may have at most ${most}`);
      }
      if (isFile && part.name === "files") {
        if (fault === null) yield part;
        continue;
      }
      const what = isFile ? "a file in another field" : "a text where a file is expected";
      fault ??= refusal("validation", `the form must have files alone, in fields named files; found ${what}`);
      let bytes = 0;
      for await (const piece of part.body) {
        bytes += piece.length;
        if (bytes > FIELD_BYTES_MAX) throw isFile ? fault : refusal("too-large", "a field of the form is too large");
      }
    }
    if (fault !== null) throw fault;
  }

  async #receiveOne(part: Part, charge: UploadCharge, { owner, accepts }: Taker & { readonly owner: string }) {
    await requireRoom(this.#folder, 0, this.#limits.freeBytes);
    const fileId = randomUUID();
    const folder = join(this.#folder, markedName(fileId));
    try {
      await mkdir(folder, { mode: 0o700 });
      const { upload, synced } = await receiveFile(part, {
        folder,
        fileId,
        owner,
        bytesMax: this.#limits.fileBytes,
        accepts,
        onBytes: (bytes) => charge.add(fileId, bytes),
      });
      return { upload, folder, synced };
    } catch (error) {
      await removeAll(folder).catch(() => {});
      throw error;
    }
  }

  async #read(fileId: string): Promise<StoredUpload | null> {
    if (!FILE_ID.test(fileId)) return null;
    try {
      return JSON.parse(await readFile(join(this.#folder, fileId, "meta.json"), "utf8")) as StoredUpload;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  }

  /** How many names the content has: one of its own, and one in each batch that was made of it. */
  async #usesOf(fileId: string): Promise<number> {
    return (await stat(this.pathOf(fileId)).catch(() => null))?.nlink ?? 0;
  }

  /** Learns what other servers of the folder took in and what they removed. */
  async #lookAround(): Promise<void> {
    const known = new Map(
      [...this.#byOwner].flatMap(([owner, own]) => [...own.keys()].map((id) => [id, owner] as const)),
    );
    const names = new Set(await namesIn(this.#folder));
    for (const [fileId, owner] of known) if (!names.has(fileId)) this.#forget(owner, fileId);
    for (const name of names) {
      const upload = known.has(name) ? null : await this.#read(name);
      if (upload !== null) this.#remember(upload);
    }
  }

  /** Under a marked name first: half of an upload is none. */
  async #discard(fileId: string): Promise<void> {
    const gone = join(this.#folder, markedName(fileId));
    await rename(join(this.#folder, fileId), gone).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
    await removeAll(gone);
  }

  #remember(upload: StoredUpload): void {
    const known = this.#byOwner.get(upload.owner) ?? new Map<string, StoredUpload>();
    this.#byOwner.set(upload.owner, known.set(upload.fileId, upload));
    this.#allowance.holdings.set(upload.owner, upload.fileId, upload.size);
  }

  #forget(owner: string, fileId: string): void {
    const known = this.#byOwner.get(owner);
    known?.delete(fileId);
    if (known?.size === 0) this.#byOwner.delete(owner);
  }
}
