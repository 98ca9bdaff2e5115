import { statusOf } from "../../core/batch.ts";
import { unreachable } from "../../core/invariant.ts";
import type { Refusal } from "../../core/machine.ts";
import type { Control } from "../../core/queue.ts";
import type { ControlCommand, ControlResult } from "../../ports/store.ts";
import { Commit } from "./commit.ts";
import { controlItem, isEndedBy } from "./control-item.ts";
import { itemNumbered, type MemoryState, notify, queueNamed } from "./memory-state.ts";
import { cancelBatches, clearBatch, removeBatches, retryBatch } from "./steps.ts";

const CONTROL_OF = { pause: "pause", resume: "run", stop: "stop" } as const satisfies Record<string, Control>;

export function control(state: MemoryState, command: ControlCommand, now: number): ControlResult {
  const { target } = command;
  if ("worker" in target) return drainWorker(state, target.worker);
  const commit = new Commit(state, now);
  if ("item" in target) {
    const item = itemNumbered(state, target.item);
    return item === undefined ? refused("not-found") : controlItem(commit, item, command);
  }
  if ("queue" in target) return controlQueue(commit, target.queue, command);
  return controlBatch(commit, target.batch, command);
}

function controlQueue(commit: Commit, name: string, command: ControlCommand): ControlResult {
  const { state } = commit;
  switch (command.type) {
    case "pause":
    case "resume":
    case "stop": {
      const queue = queueNamed(state, name);
      if (queue.control === CONTROL_OF[command.type]) return done(state, 0);
      queue.control = CONTROL_OF[command.type];
      state.revision += 1;
      notify(state);
      return done(state, 1);
    }
    case "concurrency": {
      const queue = queueNamed(state, name);
      if (queue.concurrency === command.concurrency) return done(state, 0);
      queue.concurrency = command.concurrency;
      notify(state);
      return done(state, 1);
    }
    case "cancel": {
      const batches = [...(state.queues.get(name)?.batches ?? [])].filter((batch) => batch.endedAt === null);
      return cancelBatches(commit, batches);
    }
    case "remove":
      return removeBatches(commit, [...(state.queues.get(name)?.batches ?? [])]);
    case "clear":
    case "retry":
    case "hold":
    case "unhold":
    case "priority":
    case "drain":
      return refused("wrong-state");
    default:
      return unreachable(command);
  }
}

function controlBatch(commit: Commit, number: number, command: ControlCommand): ControlResult {
  const { state } = commit;
  const batch = state.batches.get(number);
  if (batch === undefined) return refused("not-found");
  switch (command.type) {
    case "pause":
    case "resume":
    case "stop":
      if (batch.endedAt !== null) return refused("wrong-state");
      if (batch.control === CONTROL_OF[command.type]) return done(state, 0);
      batch.control = CONTROL_OF[command.type];
      commit.of(batch);
      state.revision += 1;
      commit.apply();
      return done(state, 1);
    case "cancel":
      if (batch.endedAt === null) return cancelBatches(commit, [batch]);
      return statusOf(batch) === "cancelled" ? done(state, 0) : refused("wrong-state");
    case "remove":
      if (!isEndedBy(batch, command.endedBy)) return refused("wrong-state");
      return removeBatches(commit, [batch]);
    case "clear":
      return clearBatch(commit, batch);
    case "retry":
      return retryBatch(commit, batch, command);
    case "priority":
      if (batch.priority === command.priority) return done(state, 0);
      batch.priority = command.priority;
      state.revision += 1;
      commit.of(batch);
      commit.apply();
      return done(state, 1);
    case "hold":
    case "unhold":
    case "concurrency":
    case "drain":
      return refused("wrong-state");
    default:
      return unreachable(command);
  }
}

function drainWorker(state: MemoryState, number: number): ControlResult {
  const worker = state.workers.get(number);
  if (worker === undefined) return refused("not-found");
  if (worker.spec.concurrency === 0) return refused("wrong-state");
  if (worker.isDraining) return done(state, 0);
  worker.isDraining = true;
  state.revision += 1;
  notify(state);
  return done(state, 1);
}

function done(state: MemoryState, changed: number): ControlResult {
  return { ok: true, changed, more: false, revision: state.revision };
}

function refused(reason: Refusal): ControlResult {
  return { ok: false, reason };
}
