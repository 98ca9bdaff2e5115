import { createHash } from "node:crypto";
import { refusal } from "./problems.ts";

const ID_BYTES = 16;
const SEAL_BYTES = 8;

/**
 * A cursor for people to hand back: where a page ended, and which list it was a page of.
 * @param list what the list is of, its filters included
 */
export function toCursor(id: string | null, list: readonly unknown[]): string | null {
  if (id === null) return null;
  const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
  return Buffer.concat([bytes, sealOf(bytes, list)]).toString("base64url");
}

/**
 * The id that a cursor stands for.
 * @throws {Refusal} `malformed` for what is no cursor, or one of another list
 */
export function idFromCursor(cursor: string, list: readonly unknown[]): string {
  const bytes = Buffer.from(cursor, "base64url");
  const [id, seal] = [bytes.subarray(0, ID_BYTES), bytes.subarray(ID_BYTES)];
  // Decoding passes over what is not base64url; only what encodes to the same text was a cursor.
  if (
    bytes.length !== ID_BYTES + SEAL_BYTES ||
    bytes.toString("base64url") !== cursor ||
    !sealOf(id, list).equals(seal)
  ) {
    throw refusal("malformed", "the cursor is not one of this list with these filters; begin again without it");
  }
  return id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Binds a cursor to its list. It guards against mix-ups, not against people: they see no more by a cursor than without. */
function sealOf(id: Buffer, list: readonly unknown[]): Buffer {
  return createHash("sha256").update(JSON.stringify(list)).update(id).digest().subarray(0, SEAL_BYTES);
}
