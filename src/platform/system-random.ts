import { randomBytes } from "node:crypto";
import type { Random } from "../ports/random.ts";

/** Asking the system costs as much for a thousand bytes as for ten. */
const POOL_BYTES = 1_024;
let pool = new Uint8Array();
let used = 0;

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes(length) {
    if (length > POOL_BYTES) return randomBytes(length);
    if (used + length > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += length;
    return pool.subarray(used - length, used);
  },
};
