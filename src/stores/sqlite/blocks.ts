import { LIMITS } from "../../core/limits.ts";
import type { Connection, Query } from "./connection.ts";
import { itemRangeOf } from "./rows.ts";

/*
 * Most items are claimed once, in the order of their submission, and run to their end. Such an item is `fresh` until its row
 * is written for the first time, which is when it starts or ends: its row, and no index but that of its key, is all there is
 * of it. It is found by its place: no claim has come yet to what lies at or above its batch's `frontier`; what lies below is
 * held by the worker of the block that covers it. A block is the row that one claim writes for all the fresh items it takes.
 *
 * All other items (returned, retried, held, of a priority of their own) are not fresh and stand in indexes.
 */

/** The token of a fresh item's lease: its first. */
export const FIRST_TOKEN = 1;

type BlockTuple = readonly [first: number, last: number, worker: number, items: number];

interface Block {
  readonly first: number;
  readonly last: number;
  readonly worker: number;
  /** How many of its items are fresh still. */
  items: number;
}

const COLUMNS = "first, last, worker, items";

/** The blocks of fresh items that workers hold. Use it inside a writing transaction only. */
export class Blocks {
  readonly #covering: Query<BlockTuple>;
  readonly #ofWorker: Query<BlockTuple>;
  readonly #between: Query<BlockTuple>;
  readonly #insert: Query;
  readonly #shrink: Query;
  readonly #delete: Query;
  readonly #detach: Query;
  readonly #touch: Query;
  readonly #freshIn: Query<[number]>;
  readonly #advance: Query;

  constructor(connection: Connection) {
    this.#covering = connection.query<BlockTuple>(
      `SELECT ${COLUMNS} FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1`,
    );
    this.#ofWorker = connection.query<BlockTuple>(`SELECT ${COLUMNS} FROM blocks WHERE worker = ? ORDER BY first`);
    this.#between = connection.query<BlockTuple>(
      `SELECT ${COLUMNS} FROM blocks WHERE first >= ? AND first < ? ORDER BY first`,
    );
    this.#insert = connection.query("INSERT INTO blocks (first, last, worker, items) VALUES (?, ?, ?, ?)");
    this.#shrink = connection.query("UPDATE blocks SET items = items - ? WHERE first = ?");
    this.#delete = connection.query("DELETE FROM blocks WHERE first = ?");
    this.#detach = connection.query(
      `UPDATE items SET fresh = 0, worker = ?, token = ${FIRST_TOKEN} WHERE id = ? AND fresh = 1`,
    );
    this.#touch = connection.query("UPDATE items SET fresh = 0 WHERE id = ? AND fresh = 1");
    this.#advance = connection.query("UPDATE batches SET frontier = ? WHERE number = ?");
    this.#freshIn = connection.query<[number]>("SELECT id FROM items WHERE id BETWEEN ? AND ? AND fresh = 1");
  }

  /** Gives `items` fresh items, from `first` to `last`, to a worker. */
  open(worker: number, first: number, last: number, items: number): void {
    this.#insert.run(first, last, worker, items);
  }

  /** Notes that claims have come up to, not including, this ordinal of a batch. */
  advance(batch: number, ordinal: number): void {
    this.#advance.run(ordinal, batch);
  }

  /** The block that covers a fresh item, or null. An item that is not fresh may lie in one that is not its own. */
  covering(item: number): Block | null {
    const row = this.#covering.get(item);
    return row === undefined || row[1] < item ? null : toBlock(row);
  }

  /** Notes that `items` of a block are fresh no more. */
  shrink(block: Block, items: number): void {
    block.items -= items;
    if (block.items > 0) this.#shrink.run(items, block.first);
    else this.#delete.run(block.first);
  }

  /**
   * Makes a fresh item one like any other, held by its block's worker, if it has one: its row says so from here on. Nobody
   * can see the difference; an item that is not fresh stays as it is.
   */
  detach(item: number): void {
    const block = this.covering(item);
    if (block === null) this.#touch.run(item);
    else if (this.#detach.run(block.worker, item) === 1) this.shrink(block, 1);
  }

  detachAllOf(worker: number): void {
    for (const row of this.#ofWorker.all(worker)) this.#detachBlock(toBlock(row));
  }

  /** Detaches what anyone holds of a batch. */
  detachAllIn(batch: number): void {
    for (const row of this.#between.all(...itemRangeOf(batch))) this.#detachBlock(toBlock(row));
  }

  /** Forgets the blocks of a batch whose items are about to be deleted. */
  drop(batch: number): void {
    for (const [first] of this.#between.all(...itemRangeOf(batch))) this.#delete.run(first);
  }

  #detachBlock(block: Block): void {
    for (const [item] of this.#freshIn.all(block.first, block.last)) this.#detach.run(block.worker, item);
    this.#delete.run(block.first);
  }
}

/** The fresh items that one commit ends: they leave their blocks together, not one by one. */
export class EndedFresh {
  readonly #blocks: Blocks;
  #block: Block | null = null;
  #items = 0;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /** Up to which item from this one on the worker holds all that is fresh; null: not even this one. */
  heldUpTo(worker: number, item: number): number | null {
    const known = this.#block;
    if (known === null || item < known.first || item > known.last) {
      this.settle();
      this.#block = this.#blocks.covering(item);
    }
    return this.#block?.worker === worker ? this.#block.last : null;
  }

  /** Counts items of the block that was asked for last. */
  add(items: number): void {
    this.#items += items;
  }

  /** Writes what was counted. To be called before anything else changes the blocks. */
  settle(): void {
    if (this.#block !== null && this.#items > 0) this.#blocks.shrink(this.#block, this.#items);
    this.#block = null;
    this.#items = 0;
  }
}

function toBlock(row: BlockTuple): Block {
  return { first: row[0], last: row[1], worker: row[2], items: row[3] };
}

/**
 * Prepares a look for the lowest number that a fresh item of a batch can have: they lie in its blocks or from its frontier on.
 * Without it, a search for the few that are left would walk over all that have ended.
 */
export function prepareFreshFrom(connection: Connection): (batch: number) => number {
  const lowest = connection.query<[number]>(`SELECT coalesce((SELECT min(first) FROM blocks
    WHERE first >= ?1 AND first < ?1 + ${LIMITS.itemsPerBatch}), (SELECT ?1 + frontier FROM batches WHERE number = ?2), ?1)`);
  return (batch) => {
    const [first] = itemRangeOf(batch);
    return lowest.get(first, batch)?.[0] ?? first;
  };
}
