import assert from "node:assert/strict";
import fc from "fast-check";
import { isTerminal } from "../../src/core/transitions.ts";
import type { AmendBody } from "../../src/ports/amendment.ts";
import type { Pair } from "./operations.ts";

const BODIES = ["progress", "progress", "complete", "fail", "throw"] as const;

/** A session reports on an item, whoever holds it. */
export const AMEND = fc.record({
  type: fc.constant("amend"),
  worker: fc.nat(1),
  item: fc.nat(30),
  body: fc.constantFrom(...BODIES),
});

type Amend = typeof AMEND extends fc.Arbitrary<infer T> ? T : never;

export async function amend({ trial, model, leases }: Pair, operation: Amend): Promise<void> {
  const worker = model.workers[operation.worker];
  const item = model.ordered[operation.item % Math.max(1, model.items.size)];
  if (worker === undefined || item === undefined) return;
  const isAllowed = worker.isAlive && !isTerminal(item.state);
  const now = trial.clock.now();
  const change = (): AmendBody => toBody(operation.body, now);
  const call = trial.store.amend({ ref: { number: item.number }, worker: worker.number, change, now });
  if (operation.body === "throw" && worker.isAlive) {
    await assert.rejects(call, /^Error: no$/);
    return;
  }
  const amended = await call;
  assert.equal(amended.ok, isAllowed, `${item.key} may be amended by a session that lives, until it ends`);
  if (!amended.ok) return;
  if (item.lease?.worker !== worker.number) {
    item.lease = { item: item.number, token: amended.item.token, worker: worker.number };
    leases.push(item.lease);
    item.isHeld = false;
    item.runAt = 0;
  }
  if (operation.body === "complete") model.end(item, "completed");
  else if (operation.body === "fail") model.end(item, "failed");
  else if (item.state === "pending") model.start(item);
}

function toBody(body: (typeof BODIES)[number], startedAt: number): AmendBody {
  switch (body) {
    case "throw":
      throw new Error("no");
    case "progress": {
      const progress = { stage: "amended", done: null, total: null, unit: null, message: null };
      return { type: "progress", startedAt, progress, fraction: 400_000, mayGoBack: true, saved: '"amended"' };
    }
    case "complete":
      return { type: "complete", startedAt, output: '"amended"' };
    case "fail": {
      const error = { name: "Error", message: "amended", code: null };
      return { type: "fail", startedAt, error, retryAt: null, saved: '"amended"' };
    }
  }
}
