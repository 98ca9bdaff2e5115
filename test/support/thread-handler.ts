import { isMainThread } from "node:worker_threads";
import { type HandlerItem, NoRetryError, type Step } from "../../src/index.ts";

/** Misbehaves as its item's key says. */
export async function handler(item: HandlerItem, step: Step): Promise<unknown> {
  if (item.key === "exit") process.exit(3);
  if (item.key === "memory") exhaustMemory();
  if (item.key === "block") for (;;);
  if (item.key === "wait") {
    await new Promise<void>((resolve) => step.signal.addEventListener("abort", () => resolve(), { once: true }));
    throw step.signal.reason;
  }
  if (item.key === "never") throw new NoRetryError("the worker process exited: never again", { code: "INVALID" });
  step.stage("one");
  step.progress(1, 2, "page");
  await step.save({ half: true });
  await step.paused();
  return { input: item.input, isMainThread };
}

function exhaustMemory(): void {
  const kept: string[][] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => `entry ${index} ${kept.length}`));
}
