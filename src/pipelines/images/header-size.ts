import type { SourceFormat } from "./image-format.ts";

export interface HeaderSize {
  readonly width: number;
  readonly height: number;
}

/** The bytes of a file from `at` on, as many as are read at once; none past its end. The next call may overwrite them. */
export type ReadFrom = (at: number) => Uint8Array;

/** A camera writes a handful of large segments (EXIF with a thumbnail, colour profile, further pictures) before the frame header. */
const JPEG_READS_MAX = 32;

/**
 * The sides that an image claims, read from its header; null where the header does not tell, or the format keeps them too deep
 * (AVIF, TIFF). For an early refusal only: the decoder has its own limits. Orientation is not looked at.
 */
export function sizeInHeader(format: SourceFormat, readFrom: ReadFrom): HeaderSize | null {
  if (format === "jpeg") return jpegSize(readFrom);
  const view = viewOf(readFrom(0));
  if (view.byteLength < 30) return null;
  if (format === "png") return { width: view.getUint32(16), height: view.getUint32(20) };
  if (format === "gif") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  return format === "webp" ? webpSize(view) : null;
}

/** Walks the segments up to the frame header (ITU T.81, B.2.2), past those that are too large for one read. */
function jpegSize(readFrom: ReadFrom): HeaderSize | null {
  let from = 0;
  let view = viewOf(readFrom(from));
  for (let at = 2, reads = 1; ; ) {
    if (at + 9 > from + view.byteLength) {
      if (reads++ === JPEG_READS_MAX) return null;
      from = at;
      view = viewOf(readFrom(from));
      if (view.byteLength < 9) return null;
    }
    const here = at - from;
    if (view.getUint8(here) !== 0xff) return null;
    const marker = view.getUint8(here + 1);
    if (isFrameHeader(marker)) return { width: view.getUint16(here + 7), height: view.getUint16(here + 5) };
    at += 2 + view.getUint16(here + 2);
  }
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
