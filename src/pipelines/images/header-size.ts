import type { SourceFormat } from "./image-format.ts";

export interface HeaderSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The sides that an image claims, read from the beginning of its file; null where they are further on, or the format keeps
 * them too deep (AVIF, TIFF). For an early refusal only: the decoder has its own limits. Orientation is not looked at.
 */
export function sizeInHeader(format: SourceFormat, head: Uint8Array): HeaderSize | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (format === "jpeg") return jpegSize(view);
  if (view.byteLength < 30) return null;
  if (format === "png") return { width: view.getUint32(16), height: view.getUint32(20) };
  if (format === "gif") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  return format === "webp" ? webpSize(view) : null;
}

/** Walks the segments up to the frame header (ITU T.81, B.2.2). */
function jpegSize(view: DataView): HeaderSize | null {
  let at = 2;
  while (at + 9 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (isFrameHeader(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** SOF0 to SOF15 without the three in between that define tables. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** The three kinds of first chunk: lossy, lossless, extended (RFC 9649, section 2). */
function webpSize(view: DataView): HeaderSize | null {
  const kind = String.fromCharCode(...[12, 13, 14, 15].map((at) => view.getUint8(at)));
  if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (kind !== "VP8X") return null;
  const uint24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
  return { width: uint24(24) + 1, height: uint24(27) + 1 };
}
