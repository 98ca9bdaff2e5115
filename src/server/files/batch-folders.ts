import { createReadStream } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { BatchSnapshot } from "../../core/batch.ts";
import { isUuid } from "../../core/ids.ts";
import type { Milepost, SubmitResult } from "../../engine/milepost.ts";
import type { SubmitOptions } from "../../engine/submit.ts";
import { isLeftover, isMarked, markedName } from "../../platform/process-mark.ts";
import { refusal } from "../problems.ts";
import { batchIdsOf } from "./batch-ids.ts";
import { asRefusal, bytesOf, codeOf, linkOrCopy, namesIn, removeAll, syncPath, writeDurably } from "./disk.ts";
import type { Holdings } from "./holdings.ts";
import { FolderStorage } from "./storage/folder-storage.ts";
import { LayeredStorage } from "./storage/layered-storage.ts";
import type { Storage } from "./storage/storage.ts";

/** A file that a batch shall have as an input. */
export interface BatchInput {
  readonly fileId: string;
  /** Of the item that is made of it. */
  readonly key: string;
  readonly extension: string;
  /** Where it lies now. */
  readonly path: string;
}

/** A submission that can be written down: what it takes to finish it after a crash. */
type Order = SubmitOptions & { readonly id: string; readonly items: readonly { readonly key: string }[] };

/** An order as it lies on the disk, with the inputs that are put in their places for it: their names, and the keys of their items. */
type WrittenOrder = Order & { readonly inputs: readonly { readonly name: string; readonly key: string }[] };

/**
 * The folders of batches that were made of uploads: `<batchId>/in/<fileId>.<extension>`, second names of the uploads' content, and
 * `<batchId>/out`. While a batch is submitted, an order lies in its folder, under a marked name: if the process dies, the next
 * start finishes what had begun to be recorded, and removes what had not.
 */
export class BatchFolders {
  readonly #folder: string;
  /** What the batches made, by keys. */
  readonly storage: Storage;
  readonly #bucket: Storage | null;
  readonly #milepost: Milepost;
  readonly #holdings: Holdings;
  /** Batches that are being submitted by this process. */
  readonly #underWay = new Set<string>();

  constructor(parts: {
    readonly folder: string;
    readonly milepost: Milepost;
    readonly holdings: Holdings;
    /** For workers that do not see the folder; null where all do. */
    readonly bucket: Storage | null;
  }) {
    this.#folder = parts.folder;
    const folder = new FolderStorage(parts.folder);
    this.#bucket = parts.bucket;
    this.storage = parts.bucket === null ? folder : new LayeredStorage(folder, parts.bucket);
    this.#milepost = parts.milepost;
    this.#holdings = parts.holdings;
  }

  pathOf(batchId: string, part: "in" | "out"): string {
    return join(this.#folder, batchId, part);
  }

  /** The ids of the files that a batch was made of; none for a batch that was not made of uploads. */
  async inputsOf(batchId: string): Promise<ReadonlySet<string>> {
    return new Set((await namesIn(this.pathOf(batchId, "in"))).map(fileIdIn));
  }

  /** Where an input of a batch lies. */
  inputPath(batchId: string, { fileId, extension }: Pick<BatchInput, "fileId" | "extension">): string {
    return join(this.pathOf(batchId, "in"), nameOf({ fileId, extension }));
  }

  /** The key in `storage` of an output of the batch; null for any other path, which is nobody's to download. */
  outputKey(batchId: string, path: string): string | null {
    const inside = relative(this.pathOf(batchId, "out"), path);
    if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return null;
    return `${batchId}/out/${inside.replaceAll(sep, "/")}`;
  }

  /**
   * Puts the inputs in their places and submits. All of it is done or, where anything fails, nothing: no folder without its batch,
   * and no input without its item.
   *
   * @throws {Refusal} `not-found` for an input that went away meanwhile
   */
  async submit(order: Order, inputs: readonly BatchInput[]): Promise<SubmitResult> {
    const { id } = order;
    this.#underWay.add(id);
    let marked: string | null = null;
    try {
      marked = await this.#prepare(order, inputs);
      await this.#send(id, inputs);
      const result = await this.#milepost.submit(order);
      // The repeat of a request is answered with the batch of the first.
      if (result.id !== id) await this.#settle(id, marked);
      else await removeAll(marked);
      return result;
    } catch (error) {
      if (marked !== null) await this.#settle(id, marked).catch(() => {});
      throw codeOf(error) === "ENOENT" ? refusal("not-found", "there is no such file") : asRefusal(error);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Counts what the batches of a session have made until now, whichever server took them. */
  async weigh(owner: string): Promise<void> {
    for (const id of await batchIdsOf(this.#milepost, { owner })) await this.#weighOutputs(owner, id);
  }

  /**
   * Ends what dead processes left half-done and removes folders whose batch is not in the store; what remains is counted anew.
   */
  async sweep(): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      if (isMarked(name)) {
        if (await isLeftover(this.#folder, name)) await removeAll(join(this.#folder, name));
      } else if (isUuid(name) && !this.#underWay.has(name)) {
        await this.#sweepOne(name);
      }
    }
  }

  /** Removes the folder of a batch that was deleted. */
  async remove(batchId: string): Promise<void> {
    const gone = join(this.#folder, markedName(batchId));
    await rename(join(this.#folder, batchId), gone).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
    await removeAll(gone);
    if (this.#bucket === null) return;
    for await (const keys of this.#bucket.list(`${batchId}/`)) await this.#bucket.remove(keys);
  }

  /** Puts the inputs where workers elsewhere find them. */
  async #send(batchId: string, inputs: readonly BatchInput[]): Promise<void> {
    for (const input of this.#bucket === null ? [] : inputs)
      await this.#bucket?.put(`${batchId}/in/${nameOf(input)}`, createReadStream(input.path));
  }

  async #sweepOne(id: string): Promise<void> {
    const folder = join(this.#folder, id);
    const marks = (await namesIn(folder)).filter(isMarked);
    for (const mark of marks) if (!(await isLeftover(folder, mark))) return;
    for (const mark of marks) await this.#recover(id, join(folder, mark));
    const snapshot = await this.#find(id);
    if (snapshot === null) return this.remove(id);
    for (const name of await namesIn(this.pathOf(id, "in"))) {
      this.#holdings.set(snapshot.owner, fileIdIn(name), await bytesOf(join(this.pathOf(id, "in"), name)));
    }
    await this.#weighOutputs(snapshot.owner, id);
  }

  /** Finishes a submission of which the first part was recorded: half a batch would be neither wanted nor known of. */
  async #recover(id: string, marked: string): Promise<void> {
    const snapshot = await this.#find(id);
    const written = await readOrder(marked);
    if (snapshot !== null && !snapshot.isSealed && written !== null) {
      const { inputs: _inputs, ...order } = written;
      await this.#milepost.submit(order);
    }
    await this.#settle(id, marked);
  }

  /** Removes the folder of a batch that did not come to be, or the inputs of one that have no item; then the mark. */
  async #settle(id: string, marked: string): Promise<void> {
    if ((await this.#find(id)) === null) return this.remove(id);
    const batch = this.#milepost.batch(id);
    for (const { name, key } of (await readOrder(marked))?.inputs ?? []) {
      const item = await batch.item({ key }).snapshot().catch(nullIfMissing);
      if (item === null) await removeAll(join(this.pathOf(id, "in"), name));
    }
    await removeAll(marked);
  }

  /** The folder with its inputs, all of it on the disk. Returns the path of the order. */
  async #prepare(order: Order, inputs: readonly BatchInput[]): Promise<string> {
    const folder = join(this.#folder, order.id);
    const mark = markedName("order");
    const isThere = (await namesIn(folder)).length > 0;
    const working = isThere ? folder : join(this.#folder, markedName(order.id));
    try {
      for (const path of [working, join(working, "in"), join(working, "out")]) {
        await mkdir(path, { recursive: true, mode: 0o700 });
      }
      const named = inputs.map((input) => ({ name: nameOf(input), key: input.key }));
      await writeDurably(join(working, mark), JSON.stringify({ ...order, inputs: named } satisfies WrittenOrder));
      for (const input of inputs) await linkOrCopy(input.path, join(working, "in", nameOf(input)));
      for (const path of [join(working, "in"), working]) await syncPath(path);
      if (!isThere) {
        await rename(working, folder);
        await syncPath(this.#folder);
      }
      return join(folder, mark);
    } catch (error) {
      if (isThere) await this.#settle(order.id, join(folder, mark)).catch(() => {});
      else await removeAll(working).catch(() => {});
      throw error;
    }
  }

  async #weighOutputs(owner: string, id: string): Promise<void> {
    const folder = this.pathOf(id, "out");
    let bytes = 0;
    for (const name of await namesIn(folder)) bytes += await bytesOf(join(folder, name));
    this.#holdings.set(owner, `${id}/out`, bytes);
  }

  async #find(id: string): Promise<BatchSnapshot | null> {
    try {
      return await this.#milepost.batch(id).snapshot();
    } catch (error) {
      return nullIfMissing(error);
    }
  }
}

function nameOf({ fileId, extension }: Pick<BatchInput, "fileId" | "extension">): string {
  return `${fileId}.${extension}`;
}

function fileIdIn(name: string): string {
  return name.replace(/\.[^.]*$/, "");
}

/** The order as it was written down; null for one whose writing was cut off, so that nothing was submitted or put in place yet. */
async function readOrder(path: string): Promise<WrittenOrder | null> {
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text) as WrittenOrder;
  } catch {
    return null;
  }
}

/** Null for what is not there; anything else is thrown on. */
function nullIfMissing(error: unknown): null {
  if (codeOf(error) === "NOT_FOUND") return null;
  throw error;
}
