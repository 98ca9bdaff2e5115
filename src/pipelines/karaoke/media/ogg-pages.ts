import { type FileHandle, open } from "node:fs/promises";
import { RENDER_LIMITS } from "../render-limits.ts";

/** Of a page, before the table of its segments. */
const HEAD_BYTES = 27;
const CHECKSUM_AT = 22;
const SEGMENTS_MAX = 255;
/** A segment that is as long as this goes on in the next. */
const FULL = 255;
const PAGE_BYTES_MAX = HEAD_BYTES + SEGMENTS_MAX + SEGMENTS_MAX * FULL;
const READ_BYTES = 1_048_576;
const [CONTINUED, FIRST, LAST] = [1, 2, 4];
/** Of a page that does not say when it is heard. */
const NO_TIME = 0xffff_ffff_ffff_ffffn;

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

interface Page {
  readonly serial: number;
  readonly flags: number;
  readonly bytes: number;
  /** Of what goes on in the next page of its stream. */
  readonly openBytes: number;
  readonly endsPacket: boolean;
}

/**
 * What is wrong with the pages of an Ogg file (RFC 3533), in words; null: nothing. Readers take a damaged page for the end, and a stream that
 * follows another for nothing, without a word. A file may lack the mark of its end, and have something else behind it.
 */
export async function oggFault(path: string): Promise<string | null> {
  const file = await open(path, "r");
  try {
    /** What of a packet has come, by the stream that it belongs to; of streams that have not ended. */
    const streams = new Map<number, number>();
    let isBeginning = true;
    let data: Buffer = Buffer.alloc(0);
    for (let at = 0; ; ) {
      if (data.length < PAGE_BYTES_MAX) data = await readAt(file, at);
      const page = pageIn(data);
      const isFirst = page !== null && (page.flags & FIRST) !== 0;
      if (isFirst && !isBeginning) return "holds several streams one after the other (a chain); bring each as a file";
      if (data.length === 0 || (!isBeginning && streams.size === 0)) return null;
      if (page === null) return `is damaged at byte ${at}`;
      if (page.bytes > data.length) return "is cut off in the middle of a page";
      if (checksumOf(data.subarray(0, page.bytes)) !== data.readInt32LE(CHECKSUM_AT)) return `is damaged at byte ${at}`;
      isBeginning = isFirst;
      const packetBytes = page.openBytes + (page.endsPacket ? 0 : (streams.get(page.serial) ?? 0));
      if (packetBytes > RENDER_LIMITS.packetBytes)
        return `has a packet of more than ${RENDER_LIMITS.packetBytes} bytes`;
      if ((page.flags & LAST) !== 0) streams.delete(page.serial);
      else streams.set(page.serial, packetBytes);
      at += page.bytes;
      data = data.subarray(page.bytes);
    }
  } finally {
    await file.close();
  }
}

/** An Ogg stream of packets, without times. Each group begins a page. */
export function writeOgg(groups: readonly (readonly Uint8Array[])[]): Buffer {
  const pages: Buffer[] = [];
  for (const packets of groups) {
    const lacing = packets.flatMap(({ length }) => [
      ...new Array<number>(Math.floor(length / FULL)).fill(FULL),
      length % FULL,
    ]);
    const body = Buffer.concat(packets);
    let at = 0;
    for (let first = 0; first < lacing.length; first += SEGMENTS_MAX) {
      const table = lacing.slice(first, first + SEGMENTS_MAX);
      const bytes = table.reduce((sum, segment) => sum + segment, 0);
      const head = Buffer.alloc(HEAD_BYTES);
      head.write("OggS", "latin1");
      head[5] = (lacing[first - 1] === FULL ? CONTINUED : 0) | (pages.length === 0 ? FIRST : 0);
      head.writeBigUInt64LE(NO_TIME, 6);
      head.writeUInt32LE(pages.length, 18);
      head[26] = table.length;
      const page = Buffer.concat([head, Uint8Array.from(table), body.subarray(at, at + bytes)]);
      page.writeInt32LE(checksumOf(page), CHECKSUM_AT);
      pages.push(page);
      at += bytes;
    }
  }
  return Buffer.concat(pages);
}

async function readAt(file: FileHandle, at: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, at);
  return buffer.subarray(0, bytesRead);
}

/** The page that data begins with, even if the data end before it does; null: it begins with something else. */
function pageIn(data: Buffer): Page | null {
  if (data.toString("latin1", 0, 4) !== "OggS" || (data[4] ?? 0) !== 0) return null;
  const segments = data[HEAD_BYTES - 1] ?? SEGMENTS_MAX;
  const table = [...data.subarray(HEAD_BYTES, HEAD_BYTES + segments)];
  const end = table.findLastIndex((segment) => segment < FULL) + 1;
  const sum = (some: readonly number[]): number => some.reduce((bytes, segment) => bytes + segment, 0);
  return {
    serial: data.length < HEAD_BYTES ? 0 : data.readUInt32LE(14),
    flags: data[5] ?? 0,
    bytes: table.length < segments ? Number.POSITIVE_INFINITY : HEAD_BYTES + segments + sum(table),
    openBytes: sum(table.slice(end)),
    endsPacket: end > 0,
  };
}

/** Of a page, its own place taken for zeros. */
function checksumOf(page: Uint8Array): number {
  let crc = 0;
  for (let at = 0; at < page.length; at++) {
    const byte = at >= CHECKSUM_AT && at < CHECKSUM_AT + 4 ? 0 : (page[at] ?? 0);
    crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ byte] ?? 0);
  }
  return crc;
}
