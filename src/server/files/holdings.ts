/** However small, a file costs a block of the disk and a name. */
const FILE_BYTES_MIN = 4_096;

/**
 * What each owner has lying here, in bytes, by name: a file that is an upload and the input of three batches is one. Counts what is
 * on its way in too, so that a hundred uploads at once cannot each use the whole allowance.
 */
export class Holdings {
  #byOwner = new Map<string, { readonly bytesOf: Map<string, number>; total: number }>();

  total(owner: string): number {
    return this.#byOwner.get(owner)?.total ?? 0;
  }

  /** Says how large something is now; 0 removes it. */
  set(owner: string, name: string, bytes: number): void {
    let held = this.#byOwner.get(owner);
    if (held === undefined) {
      if (bytes === 0) return;
      held = { bytesOf: new Map(), total: 0 };
      this.#byOwner.set(owner, held);
    }
    const charged = bytes === 0 ? 0 : Math.max(bytes, FILE_BYTES_MIN);
    held.total += charged - (held.bytesOf.get(name) ?? 0);
    if (charged > 0) held.bytesOf.set(name, charged);
    else held.bytesOf.delete(name);
    if (held.bytesOf.size === 0) this.#byOwner.delete(owner);
  }

  /** Forgets all but what is `kept`; for a count that begins anew. */
  keepOnly(kept: (owner: string, name: string) => boolean): void {
    for (const [owner, { bytesOf }] of this.#byOwner) {
      for (const name of [...bytesOf.keys()]) if (!kept(owner, name)) this.set(owner, name, 0);
    }
  }
}
