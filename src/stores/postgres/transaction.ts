import type { PoolClient, QueryResult } from "pg";
import type { Statement } from "./connection.ts";

/** One transaction on one connection. What is sent is carried out in that order, whether it is waited for or not. */
export class Transaction {
  readonly #client: PoolClient;
  readonly #toQuery: (statement: Statement, values: readonly unknown[]) => object;
  /** True once a row was changed. */
  hasChanged = false;
  /** What was sent and is not waited for by whoever sent it. */
  #sent: Promise<unknown>[] = [];

  constructor(client: PoolClient, toQuery: (statement: Statement, values: readonly unknown[]) => object) {
    this.#client = client;
    this.#toQuery = toQuery;
  }

  begin(sql: string): void {
    this.#keep(this.#client.query(sql));
  }

  /** Sends a statement whose result nobody needs; if it fails, the transaction does. */
  send(statement: Statement, ...values: readonly unknown[]): void {
    this.#keep(this.run(statement, ...values));
  }

  all<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    ...values: readonly unknown[]
  ): Promise<readonly Row[]> {
    return quiet(this.#query(statement, values).then(({ rows }) => rows));
  }

  get<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    ...values: readonly unknown[]
  ): Promise<Row | undefined> {
    return quiet(this.#query(statement, values).then(({ rows }) => rows[0]));
  }

  /** Runs it and returns how many rows it changed. */
  run(statement: Statement, ...values: readonly unknown[]): Promise<number> {
    return quiet(this.#query(statement, values).then(({ rowCount }) => rowCount ?? 0));
  }

  async commit(): Promise<void> {
    const committed = this.#client.query("COMMIT");
    // What failed before it tells why; after that COMMIT only rolls back.
    committed.catch(() => {});
    await Promise.all(this.#sent);
    const { command } = await committed;
    if (command !== "COMMIT") throw new Error(`broken invariant: a transaction ended with ${command}`);
  }

  #keep(sent: Promise<unknown>): void {
    sent.catch(() => {});
    this.#sent.push(sent);
  }

  async #query<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    values: readonly unknown[],
  ): Promise<QueryResult<Row & unknown[]>> {
    const before = [...this.#sent];
    const query = this.#client.query<Row & unknown[]>(this.#toQuery(statement, values) as never);
    let result: QueryResult<Row & unknown[]>;
    try {
      result = (await query) as unknown as QueryResult<Row & unknown[]>;
    } catch (error) {
      // Aborted by one that was sent before: that one tells why.
      await Promise.all(before);
      throw error;
    }
    if (result.command !== "SELECT" && (result.rowCount ?? 0) > 0) this.hasChanged = true;
    return result;
  }
}

/**
 * Where one statement fails, those sent with it fail too, and whoever learns it from the first waits for the others no more:
 * their failures must not count as ones that nobody caught. No transaction can commit after them.
 */
function quiet<T>(result: Promise<T>): Promise<T> {
  result.catch(() => {});
  return result;
}
