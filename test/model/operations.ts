import assert from "node:assert/strict";
import fc from "fast-check";
import { isTerminal } from "../../src/core/transitions.ts";
import type { ReportBody, Submitted } from "../../src/ports/store.ts";
import type { StoreTrial } from "../../src/testing/store-trial.ts";
import { AMEND, amend } from "./amend-operation.ts";
import { LEASE_MS, type ModelItem, type ModelLease, type StoreModel } from "./store-model.ts";

/** Mostly one of the latest, now and then an old one. */
const PICK = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(30) });
const WORKER = fc.nat(1);
const DELAY = fc.constantFrom(0, 100, 3_000);

/** One step of a history. `lease` and `item` point into what there is, the latest first, stale ones included. */
export const OPERATION = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("submit"),
      keys: fc.array(fc.nat(9), { maxLength: 4 }),
      seal: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("request"),
      key: fc.constantFrom("one", "two"),
      id: fc.constantFrom("a", "b"),
      items: fc.array(fc.nat(9), { maxLength: 3 }),
      state: fc.constantFrom("going", "whole", "given-up"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("claim"), worker: WORKER, limit: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("start"), lease: PICK }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("progress"), lease: PICK, fraction: fc.nat(1_000_000) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("complete"), lease: PICK }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("fail"), lease: PICK, delay: fc.option(DELAY) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("release"),
      lease: PICK,
      isCrash: fc.boolean(),
      hasStarted: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: AMEND },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("end"), item: fc.nat(30), isGood: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("steer"),
      order: fc.constantFrom("resume", "resume", "resume", "pause", "stop"),
      isQueue: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("touch"),
      order: fc.constantFrom("cancel", "retry", "retry", "remove", "clear", "hold", "unhold", "unhold"),
      item: fc.nat(30),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("priority"),
      item: fc.nat(30),
      priority: fc.integer({ min: -3, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("cancelAll") }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("retryAll"), failedOnly: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("advance"), ms: fc.constantFrom(1, 100, 2_000, LEASE_MS + 1) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("beat"), worker: WORKER }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("reap"), dead: fc.option(WORKER) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("close"), worker: WORKER }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("open"), worker: WORKER }) },
);
export type Operation = typeof OPERATION extends fc.Arbitrary<infer T> ? T : never;

/** A store and its model, driven side by side. */
export interface Pair {
  readonly trial: StoreTrial;
  readonly model: StoreModel;
  readonly batch: number;
  readonly leases: ModelLease[];
}

export async function openWorker({ trial, model }: Pair, slot: number): Promise<void> {
  const number = await trial.worker({ leaseMs: LEASE_MS, pid: 10 + slot });
  model.workers[slot] = { number, beatAt: trial.clock.monotonic(), isAlive: true };
}

/** Does one operation to both and compares what they answer. */
export async function operate(pair: Pair, operation: Operation): Promise<void> {
  switch (operation.type) {
    case "submit":
      return submit(pair, operation.keys, operation.seal);
    case "request":
      return request(pair, operation);
    case "claim":
      return claim(pair, operation.worker, operation.limit);
    case "start":
    case "progress":
    case "complete":
    case "fail":
    case "release":
      return report(pair, operation);
    case "amend":
      return amend(pair, operation);
    case "end":
      return endUnheld(pair, operation.item, operation.isGood);
    case "steer":
      return steer(pair, operation.order, operation.isQueue);
    case "touch":
      return touch(pair, operation.order, operation.item);
    case "priority":
      return prioritize(pair, operation.item, operation.priority);
    case "cancelAll":
      return cancelAll(pair);
    case "retryAll":
      return retryAll(pair, operation.failedOnly);
    case "advance":
      return pair.trial.clock.advance(operation.ms);
    case "beat":
    case "reap":
    case "close":
    case "open":
      return attend(pair, operation);
  }
}

function submit({ trial, batch, ...pair }: Pair, keys: readonly number[], seal: boolean): Promise<void> {
  const names = keys.map((key) => `key-${key}`);
  return expectAdded(pair.model, names, { seal, submit: () => trial.submit(batch, names, { seal }) });
}

/** A submission with a name: carried out, refused while another of the same is under way, or a repeat of a whole one. */
async function request(
  { trial, model, batch }: Pair,
  { key, id, items, state }: Extract<Operation, { readonly type: "request" }>,
): Promise<void> {
  const names = items.map((item) => `key-${item}`);
  const seal = state !== "going";
  const submit = () => trial.submit(batch, names, { seal, request: { key, fingerprint: "print", id, state } });
  const known = model.requests.get(key);
  if (known === "whole") {
    assert.deepEqual([(await submit()).repeated !== null, (await submit()).verdicts], [true, []], `repeat of ${key}`);
    return;
  }
  if (known !== undefined && known !== id) {
    await assert.rejects(submit, { code: "CONFLICT" }, `${key} is under way`);
    return;
  }
  if (state === "given-up") model.requests.delete(key);
  else model.requests.set(key, state === "whole" ? "whole" : id);
  await expectAdded(model, names, { seal, submit });
}

async function expectAdded(
  model: StoreModel,
  names: readonly string[],
  how: { readonly seal: boolean; readonly submit: () => Promise<Submitted> },
): Promise<void> {
  const known = new Map(model.ordered.map((item) => [item.key, item.number]));
  const submitted = await how.submit();
  const added: { key: string; number: number }[] = [];
  for (const [index, key] of names.entries()) {
    const isRepeated = added.some((item) => item.key === key);
    const verdict = isRepeated ? "duplicate" : known.has(key) ? "known" : "added";
    assert.equal(submitted.verdicts[index], verdict, `verdict on ${key}`);
    if (verdict === "added") added.push({ key, number: submitted.items[index] ?? 0 });
    if (verdict === "known") assert.equal(submitted.items[index], known.get(key));
  }
  model.add(added, how.seal);
}

async function claim({ trial, model, leases }: Pair, slot: number, limit: number): Promise<void> {
  const expected = model.claimable(slot, limit, trial.clock.now());
  const claimed = await trial.claim(model.workers[slot]?.number ?? 0, { limit });
  assert.deepEqual(
    claimed.map((lease) => lease.item),
    expected,
    "what is claimed, in order",
  );
  for (const { item: number, token, worker } of claimed) {
    const item = model.items.get(number);
    if (item === undefined) continue;
    item.lease = { item: number, token, worker };
    item.runAt = 0;
    leases.push(item.lease);
  }
}

type LeaseOperation = Extract<Operation, { readonly lease: number }>;

async function report({ trial, model, leases }: Pair, operation: LeaseOperation): Promise<void> {
  const lease = leases.at(-1 - (operation.lease % Math.max(1, leases.length)));
  if (lease === undefined) return;
  const item = model.heldBy(lease);
  const isAllowed = item !== undefined;
  const result = await trial.report(lease, toBody(operation, trial.clock.now()));
  assert.equal(
    result.ok,
    isAllowed,
    `${operation.type} under token ${lease.token} is ${isAllowed ? "accepted" : "refused"}`,
  );
  if (!isAllowed) return;
  switch (operation.type) {
    case "start":
    case "progress":
      if (item.state === "pending") model.start(item);
      return;
    case "complete":
      return model.end(item, "completed");
    case "fail":
      if (operation.delay === null) return model.end(item, "failed");
      if (item.state === "pending") model.start(item);
      return model.giveBack(item, trial.clock.now() + operation.delay);
    case "release":
      if (item.state === "pending" && !operation.hasStarted) return model.giveBack(item);
      if (item.state === "pending") model.start(item);
      return operation.isCrash ? model.crash(item) : model.giveBack(item);
  }
}

function toBody(operation: LeaseOperation, now: number): ReportBody {
  switch (operation.type) {
    case "start":
      return { type: "start", startedAt: now };
    case "progress": {
      const progress = { stage: null, done: null, total: null, unit: null, message: null };
      return { type: "progress", startedAt: now, progress, fraction: operation.fraction };
    }
    case "complete":
      return { type: "complete", startedAt: now, output: null };
    case "fail": {
      const retryAt = operation.delay === null ? null : now + operation.delay;
      return { type: "fail", startedAt: now, error: { name: "Error", message: "broken", code: null }, retryAt };
    }
    case "release":
      return { type: "release", startedAt: operation.hasStarted ? now : null, isCrash: operation.isCrash };
  }
}

function pick(model: StoreModel, index: number): ModelItem | undefined {
  return model.ordered[index % Math.max(1, model.items.size)];
}

async function endUnheld({ trial, model }: Pair, index: number, isGood: boolean): Promise<void> {
  const item = pick(model, index);
  if (item === undefined) return;
  const isAllowed = item.state === "pending" && item.lease === null;
  const result = isGood ? await trial.complete({ item: item.number }) : await trial.fail({ item: item.number });
  assert.equal(result.ok, isAllowed, `${item.key} may be ended by one who holds no lease`);
  if (isAllowed) model.end(item, isGood ? "completed" : "failed");
}

async function steer(
  { trial, model, batch }: Pair,
  order: "pause" | "resume" | "stop",
  isQueue: boolean,
): Promise<void> {
  const result = await trial.command({ type: order, target: isQueue ? { queue: "main" } : { batch } });
  const control = order === "resume" ? "run" : order;
  const isAllowed = isQueue || !model.isEnded;
  assert.equal(result.ok, isAllowed, `${order} of a ${model.isEnded ? "ended" : "running"} batch`);
  if (!result.ok) return;
  assert.equal(result.changed, (isQueue ? model.queueControl : model.control) === control ? 0 : 1);
  if (isQueue) model.queueControl = control;
  else model.control = control;
}

type Touch = Extract<Operation, { readonly type: "touch" }>["order"];

/** What a command on an item must answer: 1 changed, 0 so already, null refused. */
function expectedOf(item: ModelItem, order: Touch): 1 | 0 | null {
  switch (order) {
    case "cancel":
      return item.state === "cancelled" ? 0 : isTerminal(item.state) ? null : 1;
    case "retry":
      return item.state === "completed" ? null : isTerminal(item.state) ? 1 : 0;
    case "remove":
      return item.state === "processing" ? null : 1;
    case "clear":
      return item.state === "pending" ? 1 : null;
    case "hold":
    case "unhold":
      if (item.state !== "pending") return null;
      return item.isHeld === (order === "hold") ? 0 : 1;
  }
}

async function touch({ trial, model }: Pair, order: Touch, index: number): Promise<void> {
  const item = pick(model, index);
  if (item === undefined) return;
  const target = { item: item.number };
  const command = order === "retry" ? { type: order, target, failedOnly: false } : { type: order, target };
  const result = await trial.command(command);
  const expected = expectedOf(item, order);
  assert.equal(result.ok ? result.changed : null, expected, `${order} of the ${item.state} ${item.key}`);
  if (expected !== 1) return;
  if (order === "cancel") model.end(item, "cancelled");
  if (order === "retry") model.retry(item);
  if (order === "hold" || order === "unhold") {
    item.isHeld = order === "hold";
    item.lease = null;
  }
  if (order === "remove" || order === "clear") {
    model.items.delete(item.number);
    model.settle();
  }
}

async function prioritize({ trial, model }: Pair, index: number, priority: number): Promise<void> {
  const item = pick(model, index);
  if (item === undefined) return;
  const result = await trial.command({ type: "priority", target: { item: item.number }, priority });
  assert.equal(result.ok, item.state === "pending", `priority of the ${item.state} ${item.key}`);
  if (result.ok) item.priority = priority;
}

async function cancelAll({ trial, model, batch }: Pair): Promise<void> {
  const result = await trial.command({ type: "cancel", target: { batch } });
  const isAlready = model.isCancelled || (model.items.size > 0 && model.count("cancelled") === model.items.size);
  assert.equal(result.ok, !model.isEnded || isAlready, "cancel of the batch");
  if (model.isEnded) return;
  model.isCancelled = true;
  model.isSealed = true;
  for (const item of model.ordered) if (!isTerminal(item.state)) model.end(item, "cancelled");
  model.settle();
}

async function retryAll({ trial, model, batch }: Pair, failedOnly: boolean): Promise<void> {
  const result = await trial.command({ type: "retry", target: { batch }, failedOnly });
  const ended = model.ordered.filter((item) => item.state === "failed" || (!failedOnly && item.state === "cancelled"));
  assert.equal(result.ok && result.changed, ended.length, "items retried");
  for (const item of ended) model.retry(item);
}

type Attendance = Extract<Operation, { readonly type: "beat" | "reap" | "close" | "open" }>;

async function attend(pair: Pair, operation: Attendance): Promise<void> {
  const { trial, model } = pair;
  if (operation.type === "reap") {
    const dead = operation.dead === null ? undefined : model.workers[operation.dead];
    await trial.store.reap(
      trial.clock.now(),
      (session) => dead !== undefined && session.pid === 10 + model.workers.indexOf(dead),
    );
    for (const worker of model.workers) {
      const isLapsed = worker.beatAt + LEASE_MS < trial.clock.monotonic();
      if (worker.isAlive && (isLapsed || worker === dead)) model.bury(worker, true);
    }
    return;
  }
  const worker = model.workers[operation.worker];
  if (worker === undefined) return;
  if (operation.type === "beat") {
    assert.equal(await trial.store.beat(worker.number), worker.isAlive, "beat");
    if (worker.isAlive) worker.beatAt = trial.clock.monotonic();
  } else if (operation.type === "close") {
    await trial.store.closeSession(worker.number, trial.clock.now());
    model.bury(worker, false);
  } else if (!worker.isAlive) {
    await openWorker(pair, operation.worker);
  }
}
