import { createHash } from "node:crypto";
import { refusal } from "./problems.ts";

const ID_BYTES = 16;
const SEAL_BYTES = 8;

/**
 * A cursor for people to hand back: where a page ended, and which list it was a page of.
 * @param list what the list is of, its filters included
 */
export function toCursor(id: string | null, list: readonly unknown[]): string | null {
  return id === null ? null : sealed([id], list);
}

/** The same for a place that takes several ids to say. */
export function sealed(ids: readonly string[], list: readonly unknown[]): string {
  const bytes = Buffer.from(ids.join("").replaceAll("-", ""), "hex");
  return Buffer.concat([bytes, sealOf(bytes, list)]).toString("base64url");
}

/**
 * The id that a cursor stands for.
 * @throws {Refusal} `malformed` for what is no cursor, or one of another list
 */
export function idFromCursor(cursor: string, list: readonly unknown[]): string {
  const [id = ""] = unsealed(cursor, list, 1);
  return id;
}

/** The ids that `sealed` was given, `count` of them. @throws {Refusal} as `idFromCursor` */
export function unsealed(cursor: string, list: readonly unknown[], count: number): readonly string[] {
  const bytes = Buffer.from(cursor, "base64url");
  const [ids, seal] = [bytes.subarray(0, count * ID_BYTES), bytes.subarray(count * ID_BYTES)];
  // Decoding passes over what is not base64url; only what encodes to the same text was a cursor.
  if (
    bytes.length !== count * ID_BYTES + SEAL_BYTES ||
    bytes.toString("base64url") !== cursor ||
    !sealOf(ids, list).equals(seal)
  ) {
    throw refusal("malformed", "the cursor is not one of this list with these filters; begin again without it");
  }
  return Array.from({ length: count }, (_, index) => {
    const id = ids.toString("hex", index * ID_BYTES, (index + 1) * ID_BYTES);
    return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  });
}

/** Binds a cursor to its list. It guards against mix-ups, not against people: what it names is looked for among what its reader may see. */
function sealOf(ids: Buffer, list: readonly unknown[]): Buffer {
  return createHash("sha256").update(JSON.stringify(list)).update(ids).digest().subarray(0, SEAL_BYTES);
}
