import { expect, test } from "vitest";
import type { BatchControlled } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { madeBatch } from "../testing/made-batch.ts";
import { batchActions } from "./batch-actions.ts";

function actionsOf(batch: WireBatch, answer: Partial<BatchControlled> = {}) {
  const calls: string[] = [];
  const call = (name: string) => async (options?: object) => {
    calls.push(options === undefined ? name : `${name} ${JSON.stringify(options)}`);
    return { changed: 3, batch, ...answer };
  };
  const actions = batchActions(batch, {
    client: {
      pause: call("pause"),
      resume: call("resume"),
      stop: call("stop"),
      cancel: call("cancel"),
      retry: call("retry"),
      remove: call("remove"),
    },
    onChanged: () => {},
    onRemoved: () => void calls.push("gone"),
  });
  const named = (name: string) => actions.find((action) => action.name === name);
  return { names: actions.map(({ name }) => name), named, calls };
}

test("what can be done depends on where the batch is", () => {
  const counts = { pending: 5, processing: 3, failed: 2, completed: 0 };
  expect(actionsOf(madeBatch(1, { counts })).names).toEqual(["Pause", "Stop", "Retry failed", "Cancel", "Remove"]);
  expect(actionsOf(madeBatch(1, { status: "paused" })).names).toEqual(["Resume", "Stop", "Cancel", "Remove"]);
  const ended = { status: "completed", endedAt: "2026-11-21T10:00:00.000Z" } as const;
  expect(actionsOf(madeBatch(1, { ...ended, counts: { completed: 10, pending: 0 } })).names).toEqual(["Remove"]);
  expect(actionsOf(madeBatch(1, { ...ended, counts: { failed: 1, cancelled: 2, pending: 0 } })).names).toEqual([
    "Retry failed",
    "Retry all",
    "Remove",
  ]);
});

test("each says what it will do, and what destroys is asked for", async () => {
  const { named } = actionsOf(madeBatch(1, { counts: { total: 1_210, pending: 1_207, processing: 3, failed: 0 } }));
  expect(named("Pause")?.effect).toBe("3 running finish, nothing new starts.");
  expect(named("Stop")?.effect).toMatch(/^3 running items are aborted/);
  expect(["Pause", "Stop", "Cancel", "Remove"].map((name) => named(name)?.isDestructive ?? false)).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test("each does it and says what came of it", async () => {
  const batch = madeBatch(1, { counts: { processing: 2, failed: 4 } });
  const { named, calls } = actionsOf(batch);
  expect(await named("Pause")?.run()).toBe("Paused. 2 items that run will finish.");
  expect(await named("Retry failed")?.run()).toBe("3 items will be tried again.");
  expect(await named("Remove")?.run()).toBe("Removed, with 3 items.");
  expect(calls).toEqual(["pause", 'retry {"failed":true}', "remove", "gone"]);
  const late = actionsOf(batch, { outstanding: { workers: 2, processing: 2 } });
  expect(await late.named("Stop")?.run()).toBe("Stopped. 2 workers have not confirmed it yet.");
});
