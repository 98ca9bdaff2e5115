import { EventEmitter } from "node:events";
import type { HandlerItem } from "../../../src/index.ts";

/** Breaks its thread as its item's key says. */
export function handler(item: HandlerItem): unknown {
  if (item.key === "exit") process.exit(3);
  if (item.key === "abort") process.abort();
  if (item.key === "memory") exhaustMemory();
  if (item.key === "unhandled") void Promise.reject(new Error("nobody waits for this"));
  if (item.key === "timer-throw") {
    setTimeout(() => {
      throw new Error("a timer throws");
    });
  }
  if (item.key === "emitter") setImmediate(() => new EventEmitter().emit("error", new Error("nobody listens")));
  return item.key.startsWith("fine") ? null : new Promise(() => {});
}

function exhaustMemory(): void {
  const kept: string[][] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => `entry ${index} ${kept.length}`));
}
