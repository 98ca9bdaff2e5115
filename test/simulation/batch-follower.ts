import { type BatchRow, toBatchSnapshot } from "../../src/core/batch.ts";
import { type Counts, NO_COUNTS } from "../../src/core/counts.ts";
import type { ItemError } from "../../src/core/errors.ts";
import { splitItemNumber } from "../../src/core/ids.ts";
import type { ItemRow } from "../../src/core/item.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { FRACTION_ONE } from "../../src/core/progress.ts";
import { type ItemState, isTerminal } from "../../src/core/transitions.ts";
import type { World } from "./world.ts";

interface Followed {
  row: BatchRow;
  /** By the item's number. */
  readonly items: Map<number, ItemRow>;
}

const PAGE = 1_000;

/** What may not change without a new version. */
const FACTS = [
  "priority",
  "control",
  "isCancelled",
  "isSealed",
  "epoch",
  "flight",
  "percentFloor",
  "startedAt",
  "endedAt",
  "checkpointAt",
] as const satisfies readonly (keyof BatchRow)[];
const COUNTS = Object.keys(NO_COUNTS) as readonly (keyof Counts)[];

/** Which calls may lead to a state, from any other. */
const CAUSES: Readonly<Record<ItemState, readonly string[]>> = {
  pending: ["submit", "record", "reap", "closeSession", "control retry"],
  processing: ["record", "amend"],
  completed: ["record", "amend"],
  failed: ["record", "amend", "reap"],
  cancelled: ["control cancel", "submit"],
};

/**
 * Follows every batch by its feed, one commit at a time, and checks each step: lawful transitions, one version a commit,
 * terminal for good, ended exactly when it must be, counts that equal what the feed adds up to. A recount compares all
 * of it with what the store has.
 */
export class BatchFollower {
  readonly #world: World;
  readonly #batches = new Map<number, Followed>();
  readonly #queues = new Map<number, string>();
  /** Keys that an operator removed, and ids of batches that were removed or pruned. */
  readonly removed = new Set<string>();
  /** Calls under way that delete batches: a store may do so in several commits, with other calls in between. */
  deletions = 0;

  constructor(world: World) {
    this.#world = world;
  }

  batches(): readonly BatchRow[] {
    return Array.from(this.#batches.values(), ({ row }) => row);
  }

  batch(number: number): BatchRow | undefined {
    return this.#batches.get(number)?.row;
  }

  /** Of one that was removed too: its workers may not have heard of it. */
  queueOf(number: number): string | undefined {
    return this.#queues.get(number);
  }

  items(number: number): readonly ItemRow[] {
    return [...(this.#batches.get(number)?.items.values() ?? [])];
  }

  item(number: number): ItemRow | undefined {
    return this.#batches.get(splitItemNumber(number).batch)?.items.get(number);
  }

  batchOf(item: number): BatchRow | undefined {
    return this.batch(splitItemNumber(item).batch);
  }

  get hasPending(): boolean {
    for (const { row } of this.#batches.values()) if (row.counts.pending > 0) return true;
    return false;
  }

  get isOver(): boolean {
    for (const { row } of this.#batches.values()) if (row.endedAt === null) return false;
    return true;
  }

  /** Looks at what a call that took effect has changed. */
  async look(what: string): Promise<void> {
    const rows = await this.#world.store.batches({ limit: PAGE });
    const there = new Set(rows.map(({ number }) => number));
    for (const [number, { row }] of this.#batches) {
      if (there.has(number)) continue;
      this.#checkGone(what, row);
      this.removed.add(row.id);
      this.#batches.delete(number);
    }
    for (const row of rows.toReversed()) {
      const known = this.#batches.get(row.number);
      if (known === undefined) await this.#meet(what, row);
      else if (known.row.version !== row.version) await this.#follow(what, known, row);
      else this.#checkSame(what, known.row, row);
    }
  }

  /** Reads everything anew: the feed has told all of it, and nothing else. */
  async recount(): Promise<void> {
    if (this.deletions === 0) await this.#recountQueues();
    for (const [number, { row, items }] of this.#batches) {
      const found = await this.#world.store.items({ batch: number, limit: PAGE });
      const told = [...items.values()].sort((a, b) => a.number - b.number);
      if (JSON.stringify(found.map(visible)) !== JSON.stringify(told.map(visible)))
        this.#break("the feed misses nothing", `batch ${number} is not what its feed told at version ${row.version}`);
    }
  }

  /** Looks through the attempts of every item. */
  async checkAttempts(): Promise<void> {
    for (const { items } of this.#batches.values()) {
      for (const { number, key, batchId } of items.values()) {
        const attempts = (await this.#world.store.item({ number }))?.attempts ?? [];
        const name = `${key} of ${batchId}`;
        if (attempts.length > LIMITS.attemptsPerItem + 1)
          this.#break("lists are bounded", `${name} has ${attempts.length} attempts`);
        if (attempts.filter(({ outcome }) => outcome === "completed").length > 1)
          this.#break("no item is recorded complete twice", name);
        if (attempts.some(({ token }, index) => token <= (attempts[index - 1]?.token ?? -1)))
          this.#break("tokens strictly grow", `${name}: ${attempts.map(({ token }) => token)}`);
      }
    }
  }

  async #recountQueues(): Promise<void> {
    for (const { name, batches, pending, processing } of await this.#world.store.queues()) {
      const open = this.batches().filter(({ queue, endedAt }) => queue === name && endedAt === null);
      const sum = (count: "pending" | "processing"): number => open.reduce((all, { counts }) => all + counts[count], 0);
      const found = [batches, pending, processing];
      const expected = [open.length, sum("pending"), sum("processing")];
      if (found.join() !== expected.join())
        this.#break("counters equal a recount", `queue ${name}: ${found}, found ${expected}`);
    }
  }

  async #meet(what: string, row: BatchRow): Promise<void> {
    if (what !== "submit") this.#break("only a submission makes a batch", `${what} made batch ${row.number}`);
    const followed: Followed = {
      row: { ...row, version: 0, counts: NO_COUNTS, isSealed: false, endedAt: null },
      items: new Map(),
    };
    this.#batches.set(row.number, followed);
    this.#queues.set(row.number, row.queue);
    await this.#follow(what, followed, row);
  }

  async #follow(what: string, followed: Followed, row: BatchRow): Promise<void> {
    const was = followed.row;
    const { number, version } = row;
    if (version !== was.version + 1)
      this.#break("a version rises by one a commit", `${what} led batch ${number} from ${was.version} to ${version}`);
    if (what === "claim") this.#break("a claim cannot be seen", `it raised the version of batch ${number}`);
    const page = await this.#world.store.changes(number, was.version, PAGE);
    if (!page.isResumable || page.hasMore || page.version !== version)
      this.#break("the feed resumes", `batch ${number} from ${was.version}: reached ${page.version} of ${version}`);
    const added: ItemRow[] = [];
    for (const item of page.items) {
      const before = followed.items.get(item.number);
      if (item.version !== version)
        this.#break("what changed bears the version", `${item.key} of batch ${number}: ${item.version} of ${version}`);
      if (before === undefined) added.push(item);
      this.#checkItem(what, row, before, item);
      followed.items.set(item.number, item);
    }
    for (const removal of page.removals) this.#remove(what, followed, removal.id);
    followed.row = row;
    this.#checkCounts(what, followed);
    this.#checkLife(what, was, row, added);
  }

  #checkItem(what: string, batch: BatchRow, before: ItemRow | undefined, item: ItemRow): void {
    const name = `${item.key} of batch ${batch.number}`;
    const from = before?.state;
    if (from !== item.state && !CAUSES[item.state].includes(what))
      this.#break("only lawful transitions", `${what} led ${name} from ${from} to ${item.state}`);
    if (before !== undefined && isTerminal(before.state)) {
      const isRetry = what === "control retry" && item.state === "pending" && before.state !== "completed";
      if (!isRetry)
        this.#break(
          "terminal changes only by explicit retry",
          `${what} changed ${name}, ${before.state}, to ${item.state}`,
        );
    }
    if (item.fraction < 0 || item.fraction > FRACTION_ONE)
      this.#break("progress is between nothing and all", `${name}: ${item.fraction}`);
    if (item.error === null ? item.state === "failed" : !isData(item.error))
      this.#break("errors are data", `${name}: ${JSON.stringify(item.error)}`);
    if (before === undefined) {
      if (what !== "submit") this.#break("only a submission adds items", `${what} added ${name}`);
      return;
    }
    if (item.token < before.token || item.attempts < before.attempts)
      this.#break("tokens and attempts never go back", `${name}: token ${before.token} to ${item.token}`);
    if (item.crashes > before.crashes && what !== "reap")
      this.#break("only a death counts as a crash", `${what}: ${name} has ${item.crashes} crashes`);
    const isSameAttempt = from === "processing" && item.state === "processing" && item.token === before.token;
    // Who amends says how far an item is, whatever was said before.
    if (isSameAttempt && item.fraction < before.fraction && what !== "amend")
      this.#break("progress of an attempt never goes back", `${name}: ${before.fraction} to ${item.fraction}`);
    if (
      item.state !== "failed" &&
      item.state !== "cancelled" &&
      item.crashes >= batch.policy.crashBudget &&
      item.state !== "completed"
    )
      this.#break(
        "an item that used up its crash budget has failed",
        `${name} is ${item.state} after ${item.crashes} crashes`,
      );
    if (what === "control retry" && item.state === "pending") this.#world.ledger.retried(item);
  }

  #remove(what: string, followed: Followed, id: string): void {
    const item = [...followed.items.values()].find((each) => each.id === id);
    const isLawful = what === "control remove" ? item?.state !== "processing" : what === "control clear";
    if (!isLawful || item === undefined)
      this.#break("only an operator removes items, and none that runs", `${what} removed ${id}, ${item?.state}`);
    if (item === undefined) return;
    followed.items.delete(item.number);
    this.removed.add(`${followed.row.id} ${item.key}`);
  }

  #checkGone(what: string, row: BatchRow): void {
    const isLawful = this.deletions > 0 && row.counts.processing === 0;
    if (!isLawful) this.#break("only remove and prune delete batches", `${what} deleted batch ${row.number}`);
  }

  #checkCounts(what: string, { row, items }: Followed): void {
    const told: Record<keyof Counts, number> = { ...NO_COUNTS };
    let flight = 0;
    for (const item of items.values()) {
      told[item.state] += 1;
      told.total += 1;
      flight += item.fraction;
    }
    if (JSON.stringify(told) !== JSON.stringify(row.counts) || flight !== row.flight)
      this.#break(
        "counters equal a recount",
        `after ${what}, batch ${row.number}: ${JSON.stringify(row.counts)}, found ${JSON.stringify(told)}`,
      );
  }

  #checkLife(what: string, was: BatchRow, row: BatchRow, added: readonly ItemRow[]): void {
    const isOver = row.isSealed && row.counts.pending + row.counts.processing === 0;
    if ((row.endedAt !== null) !== isOver)
      this.#break("a batch ends exactly when it is sealed and all is terminal", `batch ${row.number} after ${what}`);
    const isReopened = was.endedAt !== null && row.endedAt === null;
    const hasNew = was.isSealed && added.some(({ state }) => state !== "cancelled");
    if (was.version > 0 && row.epoch - was.epoch !== (isReopened || hasNew ? 1 : 0))
      this.#break(
        "an epoch begins exactly when a batch is opened again",
        `batch ${row.number} after ${what}: ${was.epoch} to ${row.epoch}`,
      );
    if (was.endedAt !== null && row.epoch === was.epoch && row.endedAt !== was.endedAt)
      this.#break("a batch ends once per epoch", `batch ${row.number} after ${what}`);
    const before = toBatchSnapshot(was, null).percent;
    const after = toBatchSnapshot(row, null).percent;
    if ((after === 100) !== isOver)
      this.#break("100 percent is the end", `batch ${row.number} after ${what}: ${after}`);
    const mayGoBack = what === "submit" || what === "control retry";
    if (before !== null && after !== null && after < before && !mayGoBack)
      this.#break("the percent never goes back", `batch ${row.number} after ${what}: ${before} to ${after}`);
  }

  #checkSame(what: string, was: BatchRow, row: BatchRow): void {
    const isSame =
      FACTS.every((fact) => was[fact] === row[fact]) && COUNTS.every((name) => was.counts[name] === row.counts[name]);
    if (!isSame)
      this.#break(
        "every change raises the version",
        `batch ${row.number} changed at version ${row.version} by ${what}`,
      );
  }

  #break(invariant: string, detail: string): void {
    this.#world.break(invariant, detail);
  }
}

/** Text that any store and any terminal can take, and not too much of it. */
function isData({ name, message }: ItemError): boolean {
  return [name, message].every(
    (text) =>
      text !== "" && !text.includes("\0") && text.isWellFormed() && Buffer.byteLength(text) <= LIMITS.errorMessageBytes,
  );
}

/** A claim raises the token and the passing of time makes an item ready: no change of what the feed tells. */
export function visible({ token: _token, readyAt: _readyAt, ...rest }: ItemRow): object {
  return rest;
}
