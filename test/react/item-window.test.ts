import fc from "fast-check";
import { expect, test } from "vitest";
import { ItemWindow } from "../../src/react/item-window.ts";
import type { WireChangedItem } from "../../src/wire/event.ts";
import type { WireItemsPage } from "../../src/wire/item.ts";
import { madeItem } from "../support/made-batch.ts";

function pageOf(items: readonly WireChangedItem[], nextCursor: string | null): WireItemsPage {
  return { items: items.map((item) => ({ ...item, input: {}, output: null })), nextCursor };
}

const keysOf = (window: ItemWindow): readonly string[] => window.items().map(({ key }) => key);

test("pages come one after the other; what changes past them comes with its page", () => {
  const window = new ItemWindow();
  expect([window.hasMore, window.beginPage()]).toEqual([true, undefined]);
  window.place(pageOf([madeItem(0), madeItem(1)], "after-1"));
  window.change([madeItem(1, { version: 2, state: "failed" }), madeItem(2, { version: 2 })], []);
  expect(keysOf(window)).toEqual(["item-0", "item-1"]);
  expect(window.items()[1]).toMatchObject({ state: "failed" });
  expect(window.items()[0]).not.toHaveProperty("input");
  expect(window.beginPage()).toBe("after-1");
  window.place(pageOf([madeItem(2, { version: 2 })], null));
  window.change([madeItem(3, { version: 3 })], []);
  expect([keysOf(window), window.hasMore]).toEqual([["item-0", "item-1", "item-2", "item-3"], false]);
});

test("in a list of one state items come to their place and go", () => {
  const window = new ItemWindow("failed");
  window.beginPage();
  window.place(pageOf([madeItem(2, { state: "failed" }), madeItem(6, { state: "failed" })], "after-6"));
  window.change(
    [2, 4, 7].map((ordinal) => madeItem(ordinal, { version: 2, state: "failed" })),
    [],
  );
  window.change([madeItem(6, { version: 3, state: "pending" })], []);
  expect(keysOf(window)).toEqual(["item-2", "item-4"]);
  window.change([], [madeItem(2).id]);
  expect(keysOf(window)).toEqual(["item-4"]);
});

test("what happened while a page was on its way is newer than the page", () => {
  const window = new ItemWindow("pending");
  window.beginPage();
  window.change([madeItem(0, { version: 2, state: "processing" }), madeItem(1, { version: 2, isHeld: true })], []);
  window.change([], [madeItem(2).id]);
  window.place(pageOf([madeItem(0), madeItem(1), madeItem(2), madeItem(3, { version: 4 })], null));
  window.change([madeItem(3, { version: 3, isHeld: true })], []);
  expect(window.items()).toEqual([madeItem(1, { version: 2, isHeld: true }), madeItem(3, { version: 4 })]);
});

test("what was trimmed is read again", () => {
  const window = new ItemWindow("failed");
  window.beginPage();
  window.place(pageOf([madeItem(10, { state: "failed" }), madeItem(20, { state: "failed" })], "after-20"));
  window.beginPage();
  window.trim(1);
  expect(window.size).toBe(2);
  window.place(pageOf([madeItem(30, { state: "failed" })], null));
  window.change([madeItem(5, { version: 2, state: "failed" })], []);
  window.trim(3);
  expect([keysOf(window), window.hasMore, window.beginPage()]).toEqual([
    ["item-5", "item-10", "item-20"],
    true,
    "after-20",
  ]);
  window.giveUp();
  window.trim(2);
  expect([keysOf(window), window.beginPage()]).toEqual([["item-5", "item-10"], undefined]);
});

/** A server's items of which one turns to another state at each step; a window reads pages that may be old and hears of all. */
test("whatever order pages and changes come in, up to its frontier a window has what the server has", () => {
  const STATES = ["pending", "failed"] as const;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("change" as const), ordinal: fc.nat(19), state: fc.constantFrom(...STATES) }),
    fc.record({ kind: fc.constant("remove" as const), ordinal: fc.nat(19) }),
    fc.record({ kind: fc.constant("ask" as const) }),
    fc.record({ kind: fc.constant("place" as const) }),
    fc.record({ kind: fc.constant("give up" as const) }),
    fc.record({ kind: fc.constant("trim" as const), size: fc.integer({ min: 1, max: 8 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(...STATES, undefined), (steps, filter) => {
      const server = new Map(Array.from({ length: 20 }, (_, ordinal) => [ordinal, madeItem(ordinal)]));
      const matching = () => [...server.values()].filter(({ state }) => filter === undefined || state === filter);
      const window = new ItemWindow(filter);
      let asked: WireItemsPage | null = null;
      let version = 1;
      for (const one of steps) {
        if (one.kind === "change" && server.has(one.ordinal)) {
          version += 1;
          const item = madeItem(one.ordinal, { version, state: one.state });
          server.set(one.ordinal, item);
          window.change([item], []);
        } else if (one.kind === "remove" && server.delete(one.ordinal)) {
          window.change([], [madeItem(one.ordinal).id]);
        } else if (one.kind === "ask" && asked === null) {
          const after = window.beginPage() ?? "";
          const rest = matching().filter(({ id }) => id > after);
          const some = rest.slice(0, 4);
          asked = pageOf(some, rest.length > 4 ? (some.at(-1)?.id ?? null) : null);
        } else if (one.kind === "place" && asked !== null) {
          window.place(asked);
          asked = null;
        } else if (one.kind === "give up" && asked !== null) {
          window.giveUp();
          asked = null;
        } else if (one.kind === "trim") window.trim(one.size);
      }
      if (asked !== null) window.place(asked);
      const items = window.items();
      // It is whole as far as it goes: nothing is left out before its last.
      expect(items).toEqual(window.hasMore ? matching().slice(0, items.length) : matching());
    }),
  );
});
