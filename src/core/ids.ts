import { LIMITS } from "./limits.ts";

/*
 * A batch's id is a UUIDv7: `tttttttt-tttt-7rrr-vrrr-rrrrrrrrrrrr`, 48 bits of time and 74 of chance.
 * An item's id needs no column of its own: it is a UUIDv8 made of the item's ordinal and the batch's chance,
 * `oooooooo-oooo-8rrr-vrrr-rrrrrrrrrrrr`. It is as hard to guess as the batch's id and leads back to both numbers.
 *
 * Inside a store an item is one number, batch number × 2^30 + ordinal, so that a batch's items lie side by side.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a UUID in canonical form, of any version. Upper case is accepted by `parse` functions, not here. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Makes a UUIDv7 (RFC 9562, section 5.7) from a time in milliseconds and ten random bytes. */
export function batchIdFrom(nowMs: number, random: Uint8Array): string {
  const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, "0").slice(-12);
  const chance = Array.from(random.subarray(0, 10), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const variant = (8 + (Number.parseInt(chance.charAt(3), 16) & 3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${chance.slice(0, 3)}-${variant}${chance.slice(4, 7)}-${chance.slice(7, 19)}`;
}

/** The part of a batch's id that its items' ids share: everything after the version digit. */
export function chanceOf(id: string): string {
  return id.slice(15);
}

export function itemIdFrom(batchId: string, ordinal: number): string {
  return itemIdsOf(batchId)(ordinal);
}

/** The same for many items of one batch: what their ids share is made once. */
export function itemIdsOf(batchId: string): (ordinal: number) => string {
  const tail = `-8${chanceOf(batchId)}`;
  let upper = -1;
  let head = "";
  return (ordinal) => {
    if (ordinal >>> 16 !== upper) {
      upper = ordinal >>> 16;
      head = `${upper.toString(16).padStart(8, "0")}-`;
    }
    return head + (0x10000 + (ordinal & 0xffff)).toString(16).slice(1) + tail;
  };
}

/** Reads the ordinal out of an item's id, or null if `id` cannot be an item's. */
export function ordinalOf(id: string): number | null {
  if (!isUuid(id) || id.charAt(14) !== "8") return null;
  const ordinal = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return ordinal < LIMITS.itemsPerBatch ? ordinal : null;
}

/** The id of the item that was or will be submitted next after this one: a page of the newest first from there begins with this one. */
export function idBehind(itemId: string): string {
  const ordinal = ordinalOf(itemId);
  return ordinal === null ? itemId : itemIdFrom(itemId, ordinal + 1);
}

export function itemNumberFrom(batchNumber: number, ordinal: number): number {
  return batchNumber * LIMITS.itemsPerBatch + ordinal;
}

export function splitItemNumber(itemNumber: number): { readonly batch: number; readonly ordinal: number } {
  const batch = Math.floor(itemNumber / LIMITS.itemsPerBatch);
  return { batch, ordinal: itemNumber - batch * LIMITS.itemsPerBatch };
}

/** The time in a batch's id, in milliseconds since 1970: when it was made. */
export function timeOfBatchId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
