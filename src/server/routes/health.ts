import { MilepostError } from "../../core/errors.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { type Health, healthSchema } from "../../wire/health.ts";
import { problemSchema } from "../../wire/problem.ts";
import type { App, ServerContext } from "../context.ts";
import { refusal } from "../problems.ts";

/** Anybody may ask, so the store is asked at most this often. */
const ASKED_EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;
const OPEN = { security: [] } as const;
const OK: Health = { status: "ok" };

/** For load balancers and supervisors; no session or token is needed. */
export function healthRoutes({ milepost }: ServerContext): (app: App) => Promise<void> {
  const checkStore = storeCheck(milepost);
  return async (app) => {
    app.get(
      "/healthz",
      {
        schema: { ...OPEN, summary: "Whether the process lives", tags: ["operation"], response: { 200: healthSchema } },
      },
      async () => OK,
    );
    app.get(
      "/readyz",
      {
        schema: {
          ...OPEN,
          summary: "Whether the store can be read and written; 503 where it cannot",
          tags: ["operation"],
          response: { 200: healthSchema, 503: problemSchema },
        },
      },
      async () => {
        await checkStore();
        return OK;
      },
    );
  };
}

/** A check that is made at most once a second, whoever asks, and that says no more than which trouble it is. */
function storeCheck(milepost: Milepost): () => Promise<void> {
  let last: { readonly at: number; readonly result: Promise<void> } | null = null;
  return () => {
    if (last === null || performance.now() - last.at >= ASKED_EVERY_MS) {
      last = { at: performance.now(), result: answered(milepost.checkStore()) };
      last.result.catch(() => {});
    }
    return last.result;
  };
}

async function answered(check: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(refusal("store", "the store does not answer")), ANSWER_WITHIN_MS);
  try {
    await Promise.race([check, late.promise]);
  } catch (error) {
    if (!(error instanceof MilepostError)) throw error;
    throw refusal("store", `the store cannot be read or written: ${error.code}`);
  } finally {
    clearTimeout(timer);
  }
}
