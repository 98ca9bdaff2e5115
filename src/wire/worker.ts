import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import type { WorkerSnapshot } from "../core/worker-snapshot.ts";
import { itemStateSchema, progressSchema } from "./item.ts";
import { idSchema, timeSchema, toWireTime } from "./page.ts";

const nameSchema = z.string().min(1).max(LIMITS.nameBytes);

export const newWorkerSchema = z
  .strictObject({
    name: nameSchema.describe("For people: machine and process, for example"),
    queues: z.array(nameSchema).max(1_000).optional().describe("Only these queues; default: all"),
    pipelines: z.array(nameSchema).min(1).max(1_000).optional().describe("Only batches of these; default: all"),
    concurrency: z.int().min(1).max(LIMITS.concurrency).default(1).describe("Items it runs at once"),
    leaseSeconds: z
      .int()
      .min(LIMITS.leaseMinMs / 1_000)
      .max(LIMITS.leaseMaxMs / 1_000)
      .default(30)
      .describe("After so long without a call of it, others may take its items"),
  })
  .meta({ id: "NewWorker", description: "A worker outside the server, in any language" });

export const heldItemSchema = z
  .object({
    id: idSchema,
    batchId: idSchema,
    key: z.string(),
    state: itemStateSchema.describe("pending: claimed, but not started yet"),
    progress: progressSchema,
    fraction: z.number(),
    startedAt: timeSchema.nullable(),
  })
  .meta({ id: "HeldItem", description: "What a worker holds" });

export const workerSchema = z
  .object({
    workerId: idSchema.describe(
      "Of a worker inside a process of Milepost too: it can be drained, but claims and reports by itself",
    ),
    name: z.string(),
    host: z.string().nullable().describe("The machine; null for a worker outside the processes of Milepost"),
    pid: z.int().nullable(),
    queues: z.array(z.string()).describe("Empty: all"),
    pipelines: z.array(z.string()).nullable().describe("Null: all"),
    batchId: idSchema.nullable().describe("Only this batch; null: all"),
    concurrency: z.int().describe("Items it runs at once; 0: it only tracks work that it runs itself"),
    leaseSeconds: z.number(),
    openedAt: timeSchema,
    silentSeconds: z.number().describe("Since it was last heard of"),
    isDraining: z.boolean().describe("It claims nothing more and leaves once what it holds has ended"),
    held: z.int().describe("Items it holds, those included that it has not started yet"),
    items: z.array(heldItemSchema).describe("Some of them, those that run first"),
  })
  .meta({ id: "Worker", description: "A session of a worker" });

/** A session of a worker or tracker. */
export type WireWorker = z.infer<typeof workerSchema>;

export const workersQuerySchema = z.strictObject({
  items: z.coerce.number().int().min(0).max(100).default(0).describe("How many of what each holds are listed"),
});

export const drainedSchema = z
  .object({
    changed: z.int().describe("1; 0: it was told so already"),
    isConfirmed: z.boolean().describe("It has acted on it and starts nothing more"),
    held: z.int().describe("Items it still holds"),
    hasLeft: z.boolean().describe("Its session has ended"),
  })
  .meta({ id: "Drained", description: "How far the draining of a worker has come; the order stands" });

/** How far the draining of a worker has come. */
export type WireDrained = z.infer<typeof drainedSchema>;

export const workersSchema = z.object({ workers: z.array(workerSchema) });
/** Every session on the store. */
export type WireWorkers = z.infer<typeof workersSchema>;

/** A session as every answer of the API, and the command line, shows it. */
export function toWireWorker(worker: WorkerSnapshot): WireWorker {
  const { id, leaseMs, openedAt, silentMs, queues, pipelines, items, ...rest } = worker;
  return {
    workerId: id,
    ...rest,
    queues: [...queues],
    pipelines: pipelines === null ? null : [...pipelines],
    leaseSeconds: leaseMs / 1_000,
    openedAt: openedAt.toISOString(),
    silentSeconds: silentMs / 1_000,
    items: items.map(({ id: itemId, batchId, key, state, progress, fraction, startedAt }) => ({
      id: itemId,
      batchId,
      key,
      state,
      progress: { ...progress },
      fraction,
      startedAt: toWireTime(startedAt),
    })),
  };
}
