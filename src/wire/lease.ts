import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { jsonSchema } from "./json.ts";
import { idSchema, timeSchema } from "./page.ts";

/** Seconds that a call may wait for news. */
export const WAIT_SECONDS_MAX = 30;

const tokenSchema = z.int().min(1).describe("The lease's number: rises with each lease of the item");

const waitSecondsSchema = z
  .number()
  .min(0)
  .max(WAIT_SECONDS_MAX)
  .default(0)
  .describe("Answer when there is something to tell, at the latest after so long or a third of the lease");

export const heldLeaseSchema = z
  .strictObject({
    itemId: idSchema,
    token: tokenSchema,
    isHalted: z.boolean().optional().describe("True while its work waits because of a pause: its time stands still"),
  })
  .meta({ id: "HeldLease" });

const heldSchema = z.array(heldLeaseSchema).max(LIMITS.concurrency);

export const claimSchema = z
  .strictObject({
    limit: z.int().min(1).max(LIMITS.claimItems).default(1),
    held: heldSchema.describe(
      "All that the worker knows to hold: other leases of it did not arrive and are given back",
    ),
    waitSeconds: waitSecondsSchema,
  })
  .meta({ id: "Claim" });

export const leaseSchema = z
  .object({
    itemId: idSchema,
    token: tokenSchema,
    key: z.string(),
    input: jsonSchema,
    size: z.number().nullable(),
    kind: z.string().nullable(),
    saved: jsonSchema.describe("What an earlier attempt saved; null: nothing"),
    attempt: z.int().describe("1 for the first attempt of the item's life"),
    batch: z.object({
      id: idSchema,
      name: z.string().nullable(),
      queue: z.string(),
      pipeline: z.string(),
      options: jsonSchema,
      stages: z.array(z.object({ name: z.string(), weight: z.number() })),
      timeoutSeconds: z.number().nullable().describe("Time limit of the attempt; kept when its worker beats"),
    }),
  })
  .meta({ id: "Lease", description: "The right to run one item once; it has been started" });

const drainingSchema = z
  .boolean()
  .describe("The worker is given nothing more: it finishes what it runs, closes its session and ends");

export const claimedSchema = z
  .object({
    leases: z.array(leaseSchema),
    nextAt: timeSchema.nullable().describe("When something that is not ready yet will be"),
    isDraining: drainingSchema,
  })
  .meta({ id: "Claimed" });

export const heartbeatSchema = z
  .strictObject({
    held: heldSchema.describe(
      "All that the worker knows to hold: what else it was given some seconds ago is given back",
    ),
    confirmed: z.int().min(0).nullable().default(null).describe("`revision` of the last answer, once it was acted on"),
    waitSeconds: waitSecondsSchema,
  })
  .meta({ id: "Heartbeat" });

export const orderSchema = z
  .enum(["go-on", "pause", "abort", "lost"])
  .describe(
    "pause: wait at the next point where that can be, keep the lease; abort: end the work and release; lost: drop it, nothing of it is taken any more",
  );

export const ordersSchema = z
  .object({
    revision: z.int().describe("To be confirmed with the next heartbeat, once these orders are acted on"),
    leaseSeconds: z.number().describe("How long the lease lasts without another call"),
    isDraining: drainingSchema,
    orders: z.array(z.object({ itemId: idSchema, token: tokenSchema, order: orderSchema })),
  })
  .meta({ id: "Orders", description: "What is wanted of each lease that was named" });

const ofLease = { itemId: idSchema, token: tokenSchema };
const savedSchema = jsonSchema.optional().describe("Kept for the item's next attempt");
const countSchema = z.number().min(0).nullable().optional();
const textSchema = z.string().nullable().optional();

export const reportSchema = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("progress"),
      ...ofLease,
      stage: z.string().min(1).nullable().optional().describe("A new stage begins without units"),
      done: countSchema,
      total: countSchema,
      unit: textSchema,
      message: textSchema,
      saved: savedSchema,
    }),
    z.strictObject({
      type: z.literal("complete"),
      ...ofLease,
      output: jsonSchema.optional(),
      isCached: z
        .boolean()
        .optional()
        .describe("The result was there already: what the item took says nothing of how long others take"),
    }),
    z.strictObject({
      type: z.literal("fail"),
      ...ofLease,
      error: z.strictObject({
        message: z.string(),
        name: z.string().optional(),
        code: z.string().nullable().optional(),
      }),
      isFinal: z.boolean().default(false).describe("Another attempt cannot help; else the batch's policy decides"),
      saved: savedSchema,
    }),
    z.strictObject({ type: z.literal("release"), ...ofLease, saved: savedSchema }),
  ])
  .meta({ id: "Report", description: "What a worker says of an item that it holds; it may be repeated" });

export const reportsSchema = z.strictObject({ reports: z.array(reportSchema).min(1).max(LIMITS.claimItems) });

export const reportResultsSchema = z
  .object({
    results: z.array(
      z.object({
        ...ofLease,
        result: z
          .enum(["recorded", "lease-lost", "not-found"])
          .describe(
            "lease-lost: the item was cancelled, stopped or given to another worker, or ended otherwise, and nothing was changed",
          ),
      }),
    ),
  })
  .meta({ id: "ReportResults", description: "One for each report, in order" });

export type WireLease = z.infer<typeof leaseSchema>;
export type WireClaimed = z.infer<typeof claimedSchema>;
export type WireOrders = z.infer<typeof ordersSchema>;
export type WireReportResults = z.infer<typeof reportResultsSchema>;
