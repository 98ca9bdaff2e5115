import type { Connection } from "./connection.ts";

/** Batches whose last durable version is remembered; of the others it is made sure again. */
const KNOWN_MAX = 1_000;

/**
 * Makes sure that what a feed has told survives a crash of the server. Records of running work are committed without waiting
 * for the server's disk: a crash may undo the last of them, and the same versions are then given to other changes. A reader
 * who had been told of the first ones would never hear of the others.
 *
 * So before a version is told, one commit that waits for the disk is made: the server's log is written in order, and so all
 * that was committed before it is there. All who ask at the same time share it. A standby has only what is safe already.
 */
export class Durability {
  readonly #connection: Connection;
  readonly #known = new Map<number, number>();
  readonly #write: ReturnType<Connection["query"]>;
  #underWay: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    // A commit that has written nothing would wait for nothing.
    this.#write = connection.query(
      "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_logical_emit_message(true, 'milepost', '') END",
    );
  }

  /** Resolves when a version of a batch that has been read will stay. */
  async reached(batch: number, version: number): Promise<void> {
    if ((this.#known.get(batch) ?? -1) >= version) return;
    await this.#afterNow();
    this.#known.delete(batch);
    this.#known.set(batch, version);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  /** A commit that is under way may have begun too early; the next one serves all who came meanwhile. */
  #afterNow(): Promise<void> {
    this.#next ??= (this.#underWay ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#next = null;
        this.#underWay = this.#commit().finally(() => {
          this.#underWay = null;
        });
        return this.#underWay;
      });
    return this.#next;
  }

  async #commit(): Promise<void> {
    await this.#connection.write(async (tx) => tx.send(this.#write), { isDurable: true, isTold: false });
  }
}
