import { z } from "zod";
import type { ItemSnapshot } from "../core/item.ts";
import { batchSchema } from "./batch.ts";
import { itemSchema, toWireItem } from "./item.ts";
import { idSchema } from "./page.ts";

/** An item as events show it: all of it but `input` and `output`, which may be large and are read with the item. */
export const changedItemSchema = itemSchema
  .omit({ input: true, output: true })
  .meta({ id: "ChangedItem", description: "An item as events show it: without its input and output" });

/** An item as streams tell it: without its input and output. */
export type WireChangedItem = z.infer<typeof changedItemSchema>;

export const removalSchema = z
  .object({ id: idSchema, key: z.string(), version: z.int() })
  .meta({ id: "Removal", description: "An item that was removed from its batch" });

/** What is said of items in the events of a batch: nothing, what changes, or all there are first and then what changes. */
export const EVENT_ITEMS = ["none", "changed", "all"] as const;
export type EventItems = (typeof EVENT_ITEMS)[number];

/** The events of one batch by name, each with the schema of its data. */
export const batchEventSchemas = {
  /** First, unless the stream resumes. */
  snapshot: z.object({ batch: batchSchema }),
  /** After the snapshot where all items were asked for: pages of them, the last one without any. */
  items: z.object({ items: z.array(changedItemSchema), isLast: z.boolean() }),
  /** The batch now, and the latest state of each item that changed. Without an id: nothing was recorded, the estimate moved. */
  changes: z.object({
    batch: batchSchema,
    items: z.array(changedItemSchema),
    removals: z.array(removalSchema),
  }),
  /** There is no way on from the cursor: forget what is known, a snapshot follows. */
  reset: z.object({ reason: z.enum(["cursor"]) }),
  /** The batch has ended and so does the stream. */
  end: z.object({ batch: batchSchema }),
  /** The batch is not there any more. */
  removed: z.object({ batchId: idSchema }),
} as const;

/** The events of many batches by name. None has an id: a stream that was cut begins anew. */
export const overviewEventSchemas = {
  /** The batches now, in pages; `isLast` closes them. */
  snapshot: z.object({ batches: z.array(batchSchema), isLast: z.boolean() }),
  changes: z.object({ batches: z.array(batchSchema) }),
  /** Batches that are not there, or not any more. */
  removed: z.object({ batchIds: z.array(idSchema) }),
} as const;

type DataOf<Schemas extends Record<string, z.ZodType>> = { readonly [Name in keyof Schemas]: z.infer<Schemas[Name]> };
export type BatchEvents = DataOf<typeof batchEventSchemas>;
export type OverviewEvents = DataOf<typeof overviewEventSchemas>;

export function toWireChangedItem(item: ItemSnapshot): WireChangedItem {
  const { input: _input, output: _output, ...rest } = toWireItem(item);
  return rest;
}
