import fc from "fast-check";
import { expect, it } from "vitest";
import { batchIdFrom, chanceOf, isUuid, itemIdFrom, itemNumberFrom, ordinalOf, splitItemNumber } from "./ids.ts";
import { LIMITS } from "./limits.ts";

const BYTES = fc.uint8Array({ minLength: 10, maxLength: 10 });
const ORDINAL = fc.nat(LIMITS.itemsPerBatch - 1);

it("a batch's id is a UUIDv7 that sorts by time", () => {
  const property = fc.property(fc.nat(2 ** 47), BYTES, BYTES, (now, one, other) => {
    const id = batchIdFrom(now, one);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isUuid(id)).toBe(true);
    expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(now);
    expect(id < batchIdFrom(now + 1, other)).toBe(true);
  });
  fc.assert(property);
});

it("an item's id leads back to its ordinal and its batch", () => {
  const property = fc.property(fc.nat(2 ** 47), BYTES, ORDINAL, (now, bytes, ordinal) => {
    const batch = batchIdFrom(now, bytes);
    const id = itemIdFrom(batch, ordinal);
    expect(isUuid(id)).toBe(true);
    expect(ordinalOf(id)).toBe(ordinal);
    expect(chanceOf(id)).toBe(chanceOf(batch));
    expect(ordinalOf(batch)).toBeNull();
  });
  fc.assert(property);
});

it("an item's number leads back to its batch's number and its ordinal, and is exact", () => {
  const property = fc.property(fc.integer({ min: 1, max: LIMITS.batchesPerStore - 1 }), ORDINAL, (batch, ordinal) => {
    const number = itemNumberFrom(batch, ordinal);
    expect(Number.isSafeInteger(number)).toBe(true);
    expect(splitItemNumber(number)).toEqual({ batch, ordinal });
  });
  fc.assert(property);
});

it("what is no item's id has no ordinal", () => {
  for (const id of ["", "x", "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-8000-8000-000000000000"]) {
    expect(ordinalOf(id)).toBeNull();
  }
});
