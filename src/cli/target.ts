import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import { ordinalOf } from "../core/ids.ts";
import type { Batch } from "../engine/batch.ts";
import type { Item } from "../engine/item.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { Queue } from "../engine/queue.ts";
import { escapeText } from "../format/escape.ts";
import type { Cli } from "./cli.ts";

/** What a control verb acts on, and how it is called in its answer. */
export type Target =
  | { readonly kind: "queue"; readonly handle: Queue; readonly title: string }
  | { readonly kind: "batch"; readonly handle: Batch; readonly title: string }
  | { readonly kind: "item"; readonly handle: Item; readonly title: string };

export interface TargetWords {
  /** A batch's name or id, or an item's id. */
  readonly batch: string | undefined;
  /** An item's key inside the batch. */
  readonly item?: string | undefined;
  readonly queue?: string | undefined;
}

/**
 * Finds what the user named: `--queue <name>`, `<batch>`, `<item-id>`, or `<batch> <item>`. A key that is not known as
 * given is tried as a path from the current folder, which is how images are keyed.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` if nothing or too much was named.
 */
export async function findTarget(cli: Cli, milepost: Milepost, words: TargetWords): Promise<Target> {
  const { batch, item, queue } = words;
  if (queue !== undefined) {
    if (batch !== undefined) throw new MilepostError("INVALID_ARGUMENT", "name either a batch or --queue, not both");
    return { kind: "queue", handle: milepost.queue(queue), title: `queue ${escapeText(queue)}` };
  }
  if (batch === undefined) throw new MilepostError("INVALID_ARGUMENT", "name a batch, or a queue with --queue");
  if (item !== undefined) {
    return { kind: "item", handle: await findItem(cli, milepost.batch(batch), item), title: escapeText(item) };
  }
  if (ordinalOf(batch.toLowerCase()) !== null) {
    return { kind: "item", handle: milepost.item(batch.toLowerCase()), title: `item ${batch}` };
  }
  return { kind: "batch", handle: milepost.batch(batch), title: escapeText(batch) };
}

/** An item named by its id alone, or by its batch and key. */
export async function findItemTarget(
  cli: Cli,
  milepost: Milepost,
  words: TargetWords,
): Promise<Extract<Target, { readonly kind: "item" }>> {
  const target = await findTarget(cli, milepost, words);
  if (target.kind === "item") return target;
  throw new MilepostError("INVALID_ARGUMENT", "name an item: <batch> <item>, or the item's id");
}

async function findItem(cli: Cli, batch: Batch, key: string): Promise<Item> {
  const given = batch.item(key);
  const path = resolve(cli.io.cwd, key);
  if (path === key) return given;
  try {
    await given.snapshot();
    return given;
  } catch (error) {
    if (!(error instanceof MilepostError) || error.code !== "NOT_FOUND") throw error;
  }
  // Throws NOT_FOUND for the batch, if it was the batch that is missing.
  await batch.snapshot();
  return batch.item(path);
}
