import { describe, expect, test } from "vitest";
import { sizeInHeader } from "./header-size.ts";

/** A JPEG's beginning: `segments` of so many bytes each, then a frame header that claims 8,000 × 6,000. */
function jpeg(segments: readonly number[]): Uint8Array {
  const parts = segments.map((bytes) =>
    Buffer.concat([Buffer.from([0xff, 0xe1, bytes >> 8, bytes & 0xff]), Buffer.alloc(bytes - 2, 0xff)]),
  );
  const frame = Buffer.from([0xff, 0xc0, 0, 17, 8, 6_000 >> 8, 6_000 & 0xff, 8_000 >> 8, 8_000 & 0xff, 3]);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...parts, frame]);
}

function sizeOf(file: Uint8Array, readBytes: number): { size: ReturnType<typeof sizeInHeader>; reads: number } {
  let reads = 0;
  const size = sizeInHeader("jpeg", (at) => {
    reads += 1;
    return file.subarray(at, at + readBytes);
  });
  return { size, reads };
}

describe("the sides of a JPEG", () => {
  const size = { width: 8_000, height: 6_000 };

  test("are found behind what a camera writes first, wherever a read ends", () => {
    const photo = jpeg([60_000, 20, 3_200, 65_000]);
    for (let readBytes = 9; readBytes < 60; readBytes++) expect(sizeOf(photo, readBytes).size).toEqual(size);
    expect(sizeOf(photo, 4_096)).toEqual({ size, reads: 3 });
  });

  test("are not looked for without end, nor past the file's", () => {
    expect(sizeOf(jpeg(Array.from({ length: 1_000 }, () => 5_000)), 4_096)).toMatchObject({ size: null });
    expect(sizeOf(jpeg(Array.from({ length: 1_000 }, () => 5_000)), 4_096).reads).toBeLessThan(100);
    const whole = jpeg([60_000, 65_000]);
    for (const end of [2, 10, 4_095, 60_010, whole.length - 2])
      expect(sizeOf(whole.subarray(0, end), 4_096).size).toBeNull();
  });
});
