import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BROKEN_ENGINES } from "./broken-engines.ts";
import { type History, runHistory } from "./history.ts";
import { PINNED_SEEDS } from "./pinned-seeds.ts";

/** What a failing history says: enough to replay and to understand it. */
function report({ seed, store, violation, tail }: History): string {
  if (violation === null) return "";
  const events = tail.slice(-30).join("\n");
  return `${violation.invariant}: ${violation.detail}\n${events}\nnpm run simulate -- --seed ${seed} --store ${store}`;
}

describe("the engine under faults breaks no invariant", () => {
  it.each(PINNED_SEEDS)("in a history that once did: $why (seed $seed, $store)", async ({ seed, store }) => {
    expect(report(await runHistory({ seed, store }))).toBe("");
  });

  it("in 40 histories on the memory store", async () => {
    for (let seed = 1; seed <= 40; seed++) expect(report(await runHistory({ seed, store: "memory" }))).toBe("");
  });

  it("in 4 histories on the SQLite store", async () => {
    for (let seed = 1; seed <= 4; seed++) expect(report(await runHistory({ seed, store: "sqlite" }))).toBe("");
  });
});

describe("one seed is one history", () => {
  it.each(["memory", "sqlite"] as const)("on the %s store, to the last event", async (store) => {
    const first = await runHistory({ seed: 7, store });
    const second = await runHistory({ seed: 7, store });
    expect(second).toEqual(first);
    expect(first.events).toBeGreaterThan(100);
  });

  it("and another seed is another", async () => {
    const [one, other] = [
      await runHistory({ seed: 7, store: "memory" }),
      await runHistory({ seed: 8, store: "memory" }),
    ];
    expect(other.hash).not.toBe(one.hash);
  });
});

describe("the page of what is checked", () => {
  const folder = new URL("./", import.meta.url);
  const read = (name: string): string => readFileSync(new URL(name, folder), "utf8");
  const page = read("README.md");

  it("names every check, in the table", () => {
    const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    const names = sources.flatMap((name) =>
      [...read(name).matchAll(/(?:break\(|ORDER =|invariant:)\s*"([^"]+)"/g)].map((match) => match[1] ?? ""),
    );
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });

  it("and broken engines break only those", () => {
    const broken = BROKEN_ENGINES.flatMap(({ breaks }) => breaks);
    expect(broken.filter((name) => !page.includes(name))).toEqual([]);
  });
});
