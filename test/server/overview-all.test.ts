import { expect, test } from "vitest";
import { STORES } from "../support/open-for-test.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer } from "./support/start-server.ts";

/** More than two pages of them. */
const BATCHES = 600;

test.each(STORES)(
  "over %s an operator is told of all batches that run at once, of their estimates soon, and of new ones",
  async (store) => {
    const { milepost, url } = await startServer({ store });
    const submit = (name: string) => milepost.submit({ pipeline: "outside", name, items: ["a"] });
    const names = Array.from({ length: BATCHES }, (_, index) => `batch-${index}`);
    await Promise.all(names.map(submit));
    const ended = await submit("ended");
    await ended.batch.cancel();
    const events = `${url}/api/events?batches=all`;
    const readers = await Promise.all([EventReader.open(events), EventReader.open(events)]);
    const shown = async (reader: EventReader) => {
      const batches = new Map<string, { readonly isJudged: boolean }>();
      for (let isWhole = false; !isWhole; ) {
        const { data } = await reader.nextNamed("snapshot");
        for (const { name, noEstimate } of data.batches) {
          expect(batches.has(name ?? "")).toBe(false);
          batches.set(name ?? "", { isJudged: noEstimate !== null });
        }
        isWhole = data.isLast;
      }
      return batches;
    };
    const [one, other] = await Promise.all(readers.map(shown));
    expect([...(one?.keys() ?? [])].sort()).toEqual(names.sort());
    expect([...(other?.keys() ?? [])].sort()).toEqual(names.sort());
    const left = new Set(names.filter((name) => one?.get(name)?.isJudged === false));
    expect(left.size).toBeLessThan(BATCHES);
    while (left.size > 0) {
      const { data } = await (readers[0] as EventReader).nextNamed("changes");
      for (const { name, noEstimate } of data.batches) if (noEstimate !== null) left.delete(name ?? "");
    }
    await submit("new");
    for (const reader of readers) {
      for (let isTold = false; !isTold; ) {
        const { data } = await reader.nextNamed("changes");
        isTold = data.batches.some(({ name }) => name === "new");
      }
    }
  },
);
