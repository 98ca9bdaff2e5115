import { expect, it } from "vitest";
import { decide, decideFenced, type ItemFacts } from "./machine.ts";
import {
  FENCED_COMMANDS,
  fromStates,
  ITEM_STATES,
  type ItemCommand,
  isTerminal,
  TRANSITIONS,
  toState,
} from "./transitions.ts";

const COMMANDS = Object.keys(TRANSITIONS) as ItemCommand[];

function isFenced(command: ItemCommand): command is (typeof FENCED_COMMANDS)[number] {
  return (FENCED_COMMANDS as readonly ItemCommand[]).includes(command);
}

it("a completed item never changes, and failed and cancelled ones only by retry", () => {
  for (const command of COMMANDS) {
    expect(toState(command, "completed"), command).toBeUndefined();
    for (const state of ["failed", "cancelled"] as const) {
      expect(toState(command, state), command).toBe(command === "retry" ? "pending" : undefined);
    }
  }
});

it("every state but pending is reached from pending, and every one that is not terminal leads on", () => {
  const reached = new Set<string>(["pending"]);
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const command of COMMANDS) {
      for (const state of fromStates(command)) if (reached.has(state)) reached.add(toState(command, state) ?? state);
    }
  }
  expect([...reached].sort()).toEqual([...ITEM_STATES].sort());
});

it("only a running item can progress or be poison; a start may be repeated", () => {
  expect(fromStates("progress")).toEqual(["processing"]);
  expect(fromStates("poison")).toEqual(["processing"]);
  expect(fromStates("start")).toEqual(["pending", "processing"]);
});

it("commands without a lease follow the table and nothing else", () => {
  for (const command of COMMANDS) {
    if (isFenced(command)) continue;
    for (const state of ITEM_STATES) {
      const to = toState(command, state);
      const expected = to === undefined ? { ok: false, reason: "wrong-state" } : { ok: true, to };
      expect(decide(command, { state, token: 3, worker: 0 }), `${command} in ${state}`).toEqual(expected);
    }
  }
});

it("a fenced command needs the very token and the very worker, whatever the state", () => {
  for (const command of FENCED_COMMANDS) {
    for (const state of ITEM_STATES) {
      const item: ItemFacts = { state, token: 3, worker: 7 };
      for (const lease of [{ token: 2, worker: 7 }, { token: 4, worker: 7 }, { token: 3, worker: 8 }, null]) {
        expect(decideFenced(command, item, lease)).toEqual({ ok: false, reason: "lease-lost" });
      }
      const to = toState(command, state);
      const expected = to === undefined ? { ok: false, reason: "lease-lost" } : { ok: true, to };
      expect(decideFenced(command, item, { token: 3, worker: 7 }), `${command} in ${state}`).toEqual(expected);
    }
  }
});

it("who holds no lease may end what nobody holds, once", () => {
  expect(decideFenced("complete", { state: "pending", token: 0, worker: 0 }, null)).toEqual({
    ok: true,
    to: "completed",
  });
  expect(decideFenced("fail", { state: "completed", token: 1, worker: 0 }, null)).toEqual({
    ok: false,
    reason: "wrong-state",
  });
});

it("three states are terminal", () => {
  expect(ITEM_STATES.filter(isTerminal)).toEqual(["completed", "failed", "cancelled"]);
});
