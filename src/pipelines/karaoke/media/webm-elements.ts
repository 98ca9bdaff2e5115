import { closeSync, openSync, readSync } from "node:fs";

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
/** What segments are made of: SeekHead, Info, Tracks, Cluster, Cues, Chapters, Tags, Attachments. */
const OF_SEGMENT: ReadonlySet<number> = new Set([
  0x114d9b74,
  0x1549a966,
  0x1654ae6b,
  CLUSTER,
  0x1c53bb6b,
  0x1043a770,
  0x1254c367,
  0x1941a469,
]);
/** EBML and Segment: with those of segments, what a cluster ends before. */
const OF_FILE: ReadonlySet<number> = new Set([0x1a45dfa3, SEGMENT]);
/** Void and CRC-32. */
const ANYWHERE: ReadonlySet<number> = new Set([0xec, 0xbf]);
const ELEMENTS_MAX = 5_000_000;
/** Of an element's head: four bytes of its id and eight of its size. */
const HEAD_BYTES = 12;
/** Read at once: the heads of small elements lie close together. */
const READ_BYTES = 4_096;
/** Less at the end of a file is no element, and no reader looks for one; nor at the end of a cluster. */
const LEFT_MAX = 7;
const LEFT_IN_CLUSTER_MAX = 1;

interface Element {
  readonly id: number;
  readonly headBytes: number;
  /** Null: it goes on until something comes that cannot be in it. */
  readonly size: number | null;
}

/**
 * True if the elements of a WebM or Matroska file (RFC 9559) follow each other without junk, those of clusters too; a file that was cut off
 * may be. mediabunny 1.x looks for the next element behind junk, and where there is none its search never ends, nor lets anything else
 * happen.
 */
export function hasSaneElements(path: string, bytes: number): boolean {
  const file = openSync(path, "r");
  try {
    return isSane(readerOf(file), bytes);
  } finally {
    closeSync(file);
  }
}

function isSane(read: (at: number) => Buffer, bytes: number): boolean {
  let at = 0;
  let segmentEnd = 0;
  let clusterEnd = 0;
  for (let elements = 0; bytes - at > LEFT_MAX; elements++) {
    const element = elementIn(read(at));
    const isOutside = at >= segmentEnd;
    // Outside of segments nothing is looked for behind junk.
    if (element === null) return isOutside;
    if (elements === ELEMENTS_MAX) return false;
    const { id, size, headBytes } = element;
    const isInCluster = clusterEnd - at > LEFT_IN_CLUSTER_MAX && !OF_SEGMENT.has(id) && !OF_FILE.has(id);
    if (!isInCluster && !isOutside && !OF_SEGMENT.has(id) && !ANYWHERE.has(id)) return false;
    // What cannot be in a cluster ends it, whatever size it has told.
    if (!isInCluster) clusterEnd = 0;
    at += headBytes;
    if (isOutside && id === SEGMENT) {
      segmentEnd = size === null ? bytes : at + size;
    } else if (id === CLUSTER) {
      clusterEnd = size === null ? bytes : at + size;
      // Of one that was cut off readers take nothing.
      if (clusterEnd > bytes) return true;
      segmentEnd = Math.max(segmentEnd, clusterEnd);
    } else {
      // Readers refuse anything else that does not say its size.
      if (size === null) return true;
      at += size;
    }
  }
  return true;
}

/** Reads the head of the element at a place. */
function readerOf(file: number): (at: number) => Buffer {
  const buffer = Buffer.alloc(READ_BYTES);
  let [from, to] = [0, 0];
  return (at) => {
    if (at < from || at + HEAD_BYTES > to) [from, to] = [at, at + readSync(file, buffer, 0, READ_BYTES, at)];
    return buffer.subarray(at - from, Math.min(at + HEAD_BYTES, to) - from);
  };
}

/** Both numbers of a head tell their length by the zeros that they begin with; those of the id are a part of it. */
function elementIn(head: Buffer): Element | null {
  const idBytes = Math.clz32(head[0] ?? 0) - 23;
  const sizeBytes = Math.clz32(head[idBytes] ?? 0) - 23;
  if (idBytes > 4 || sizeBytes > 8 || head.length < idBytes + sizeBytes) return null;
  const all = head.subarray(idBytes, idBytes + sizeBytes);
  const marker = 2 ** (8 - sizeBytes);
  const isOpen = (all[0] ?? 0) % marker === marker - 1 && all.subarray(1).every((byte) => byte === 0xff);
  const size = all.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte % marker : byte), 0);
  return { id: head.readUIntBE(0, idBytes), headBytes: idBytes + sizeBytes, size: isOpen ? null : size };
}
