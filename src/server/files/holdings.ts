/** However small, a file costs a block of the disk and a name. */
const FILE_BYTES_MIN = 4_096;

interface Held {
  readonly entries: Map<string, { readonly bytes: number; readonly round: number }>;
  total: number;
}

/**
 * What each owner has lying here, in bytes, by name: a file that is an upload and the input of three batches is one. Counts what is
 * on its way in too, so that a hundred uploads at once cannot each use the whole allowance.
 */
export class Holdings {
  readonly #byOwner = new Map<string, Held>();
  /** What was said to be still on its way in since a recount began. */
  readonly #kept = new Set<string>();
  #round = 0;

  total(owner: string): number {
    return this.#byOwner.get(owner)?.total ?? 0;
  }

  /** Says how large something is now; 0 removes it. */
  set(owner: string, name: string, bytes: number): void {
    const held = this.#byOwner.get(owner) ?? { entries: new Map(), total: 0 };
    const charged = bytes === 0 ? 0 : Math.max(bytes, FILE_BYTES_MIN);
    held.total += charged - (held.entries.get(name)?.bytes ?? 0);
    if (charged > 0) held.entries.set(name, { bytes: charged, round: this.#round });
    else held.entries.delete(name);
    if (held.entries.size === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, held);
  }

  /** Says in a recount that something is still on its way in, however large it is and whoever knows of it. */
  keep(name: string): void {
    this.#kept.add(name);
  }

  /** Counts anew: of what was there, all that `count` neither meets again nor keeps is forgotten. */
  async recount(count: () => Promise<void>): Promise<void> {
    this.#round += 1;
    this.#kept.clear();
    await count();
    for (const [owner, { entries }] of this.#byOwner) {
      for (const [name, { round }] of [...entries])
        if (round < this.#round && !this.#kept.has(name)) this.set(owner, name, 0);
    }
  }
}
