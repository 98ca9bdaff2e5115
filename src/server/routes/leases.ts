import type { FastifyReply } from "fastify";
import type { RemoteLease } from "../../engine/remote/remote-claims.ts";
import type { RemoteReport } from "../../engine/remote/remote-reports.ts";
import {
  claimedSchema,
  claimSchema,
  heartbeatSchema,
  ordersSchema,
  reportResultsSchema,
  reportsSchema,
  type WireLease,
} from "../../wire/lease.ts";
import type { App, ServerContext } from "../context.ts";
import { workerParams } from "./workers.ts";

const tags = ["workers"];

/** What workers outside call while they work. The operator's alone. */
export function leaseRoutes({ milepost, callers }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    const workers = milepost.remoteWorkers();
    const closing = new AbortController();
    // What waits for news must not hold up a server that closes.
    app.addHook("preClose", async () => closing.abort());
    callers.keepForOperator(app);

    app.post(
      "/api/workers/:workerId/claim",
      {
        schema: {
          summary: "Claim items and start them",
          tags,
          params: workerParams,
          body: claimSchema,
          response: { 200: claimedSchema },
        },
      },
      async ({ params, body: { limit, held, waitSeconds } }, reply) => {
        const waitMs = toMs(waitSeconds);
        const signal = endOf(reply, closing.signal);
        const { leases, nextAt, isDraining } = await workers.claim(params.workerId, {
          limit,
          held: held.map(plain),
          waitMs,
          signal,
        });
        return { leases: leases.map(toWireLease), nextAt: nextAt?.toISOString() ?? null, isDraining };
      },
    );

    app.post(
      "/api/workers/:workerId/heartbeat",
      {
        schema: {
          summary: "Renew the lease and hear what is wanted",
          tags,
          params: workerParams,
          body: heartbeatSchema,
          response: { 200: ordersSchema },
        },
      },
      async ({ params, body: { held, confirmed, waitSeconds } }, reply) => {
        const waitMs = toMs(waitSeconds);
        const signal = endOf(reply, closing.signal);
        const heartbeat = { held: held.map(plain), confirmed, waitMs, signal };
        const { revision, leftMs, isDraining, orders } = await workers.heartbeat(params.workerId, heartbeat);
        return { revision, leaseSeconds: leftMs / 1_000, isDraining, orders: [...orders] };
      },
    );

    app.post(
      "/api/workers/:workerId/reports",
      {
        schema: {
          summary: "Report progress and ends of items, in one commit",
          tags,
          params: workerParams,
          body: reportsSchema,
          response: { 200: reportResultsSchema },
        },
      },
      async ({ params, body: { reports } }) => {
        const results = await workers.report(params.workerId, reports.map(plain) as readonly RemoteReport[]);
        return {
          results: reports.map(({ itemId, token }, index) => ({
            itemId,
            token,
            result: results[index] ?? ("not-found" as const),
          })),
        };
      },
    );
  };
}

/** Aborted when the caller has gone before he was answered, or the server closes. */
function endOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, closing]);
}

/** Without what was left out: absent is absent, never undefined. */
function plain<T extends object>(given: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1_000);
}

function toWireLease({ batch: { timeoutMs, ...batch }, ...lease }: RemoteLease): WireLease {
  return {
    ...lease,
    input: lease.input as WireLease["input"],
    saved: lease.saved as WireLease["saved"],
    batch: {
      ...batch,
      options: batch.options as WireLease["batch"]["options"],
      stages: batch.stages.map((stage) => ({ ...stage })),
      timeoutSeconds: timeoutMs === null ? null : timeoutMs / 1_000,
    },
  };
}
