/** Chance. The only real one is in `platform/`. */
export interface Random {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  bytes(length: number): Uint8Array;
}
