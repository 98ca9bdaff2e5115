/** What every case of the bench is given. */
export interface PostgresInput {
  /** The server's URL. */
  readonly location: string;
  /** A schema for one side of one round. */
  readonly schema: string;
  readonly items: number;
  /** Worker processes. */
  readonly workers: number;
  /** Handlers at once in each of them. */
  readonly concurrency: number;
  /** How long a handler waits before it ends. Default 0. */
  readonly handlerMs?: number;
}

export function storeOf({ location, schema }: PostgresInput): string {
  const url = new URL(location);
  url.searchParams.set("schema", schema);
  return url.href;
}
