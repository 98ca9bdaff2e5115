import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { idSchema, timeSchema } from "./page.ts";

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

export const workerSchema = z
  .object({
    workerId: idSchema
      .nullable()
      .describe("Null for a worker inside a process of Milepost: it cannot be called by its id"),
    name: z.string(),
    queues: z.array(z.string()).describe("Empty: all"),
    pipelines: z.array(z.string()).nullable().describe("Null: all"),
    concurrency: z.int().describe("Items it runs at once; 0: it only tracks work that it runs itself"),
    leaseSeconds: z.number(),
    openedAt: timeSchema,
    silentSeconds: z.number().describe("Since it was last heard of"),
    held: z.int().describe("Items it holds"),
  })
  .meta({ id: "Worker", description: "A session of a worker" });

export type WireWorker = z.infer<typeof workerSchema>;

export const workersSchema = z.object({ workers: z.array(workerSchema) });
export type WireWorkers = z.infer<typeof workersSchema>;
