import { type FileHandle, open } from "node:fs/promises";

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
/** What a segment is made of: SeekHead, Info, Tracks, Cluster, Cues, Chapters, Tags, Attachments, Void, CRC-32. */
const OF_SEGMENT: ReadonlySet<number> = new Set([
  0x114d9b74,
  0x1549a966,
  0x1654ae6b,
  CLUSTER,
  0x1c53bb6b,
  0x1043a770,
  0x1254c367,
  0x1941a469,
  0xec,
  0xbf,
]);
const ELEMENTS_MAX = 1_000_000;
/** Of an element's head: four bytes of its id and eight of its size. */
const HEAD_BYTES = 12;
/** Less at the end of a file is no element, and no reader looks for one. */
const LEFT_MAX = 7;

interface Element {
  readonly id: number;
  readonly headBytes: number;
  /** Null: it goes on until something comes that cannot be in it. */
  readonly size: number | null;
}

/**
 * True if the elements of a WebM or Matroska file (RFC 9559) follow each other without junk; a file that was cut off may be. mediabunny
 * 1.x looks for the next element behind junk, and where there is none its search never ends, nor lets anything else happen.
 */
export async function hasSaneElements(path: string, bytes: number): Promise<boolean> {
  const file = await open(path);
  try {
    let at = 0;
    let segmentEnd = 0;
    let isInCluster = false;
    for (let elements = 0; bytes - at > LEFT_MAX; elements++) {
      const element = elementIn(await readAt(file, at));
      const isOutside = at >= segmentEnd;
      // Outside of segments nothing is looked for behind junk.
      if (element === null) return isOutside;
      if (elements === ELEMENTS_MAX) return false;
      const { id, size, headBytes } = element;
      at += headBytes;
      if (isOutside && id === SEGMENT) {
        segmentEnd = size === null ? bytes : at + size;
        continue;
      }
      if (!isOutside && !isInCluster && !OF_SEGMENT.has(id)) return false;
      if (isOutside || OF_SEGMENT.has(id)) isInCluster = id === CLUSTER && size === null;
      // Readers refuse anything else that does not say its size.
      if (size === null && !isInCluster) return true;
      at += size ?? 0;
    }
    return true;
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, at: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, at);
  return buffer.subarray(0, bytesRead);
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
