import type { Storage, StoredFile } from "./storage.ts";

/** Two storages as one: what is asked for is looked for in the first and then in the second. Everything is put into the second. */
export class LayeredStorage implements Storage {
  readonly location: string;
  readonly #first: Storage;
  readonly #second: Storage;

  constructor(first: Storage, second: Storage) {
    this.location = second.location;
    this.#first = first;
    this.#second = second;
  }

  put(key: string, content: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }> {
    return this.#second.put(key, content);
  }

  async open(key: string): Promise<StoredFile | null> {
    return (await this.#first.open(key)) ?? this.#second.open(key);
  }

  list(prefix: string): AsyncIterable<readonly string[]> {
    return this.#second.list(prefix);
  }

  remove(keys: readonly string[]): Promise<void> {
    return this.#second.remove(keys);
  }
}
