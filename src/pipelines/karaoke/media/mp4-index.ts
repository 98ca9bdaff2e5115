import { type FileHandle, open } from "node:fs/promises";

/** Boxes that hold others, as far as a sample table or a fragment can lie in them. */
const CONTAINERS: ReadonlySet<string> = new Set(["moov", "trak", "mdia", "minf", "stbl", "moof", "traf"]);
const INDEX_BYTES_MAX = 64 * 1_048_576;
const BOXES_MAX = 100_000;
const HEAD_BYTES = 16;
/** At samples, to find each of them once: about a second. */
const LOOKS_MAX = 1_000_000_000;

interface Box {
  readonly type: string;
  /** Where its content begins and ends. */
  readonly from: number;
  readonly to: number;
}

/** What the tables of a file claim at most, whatever track they are of. */
interface Claims {
  samples: number;
  samplesPerChunk: number;
}

/**
 * True if the tables of an MP4 file (ISO/IEC 14496-12) can be gone through: a sample has a byte at least, so a file that claims
 * more than it has bytes is damaged, and a reader looks at every sample of a chunk to find one. Where the boxes make no sense
 * readers stop too.
 */
export async function hasSaneIndex(path: string, bytes: number): Promise<boolean> {
  const file = await open(path);
  const claims: Claims = { samples: 0, samplesPerChunk: 0 };
  try {
    let at = 0;
    for (let boxes = 0; at < bytes && boxes < BOXES_MAX; boxes++) {
      const head = await readAt(file, at, HEAD_BYTES);
      const box = boxAt(head, 0, bytes - at);
      if (box === null) break;
      if (CONTAINERS.has(box.type)) {
        if (box.to > INDEX_BYTES_MAX) return false;
        takeIn(claims, await readAt(file, at + box.from, box.to - box.from));
      }
      at += box.to;
    }
  } finally {
    await file.close();
  }
  return claims.samples <= bytes && claims.samples * claims.samplesPerChunk <= LOOKS_MAX;
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

function takeIn(claims: Claims, data: Buffer): void {
  for (let at = 0; at < data.length; ) {
    const box = boxAt(data, at, data.length - at);
    if (box === null) return;
    const content = data.subarray(at + box.from, at + box.to);
    if (CONTAINERS.has(box.type)) takeIn(claims, content);
    else takeInTable(claims, box.type, content);
    at += box.to;
  }
}

function takeInTable(claims: Claims, type: string, content: Buffer): void {
  if (type === "stsz" || type === "trun") {
    const [samples = 0] = numbersFrom(content, { at: type === "stsz" ? 8 : 4, every: content.length });
    claims.samples = Math.max(claims.samples, samples);
  } else if (type === "stts" || type === "ctts") {
    // Runs of samples: how many, and what they have in common.
    const samples = numbersFrom(content, { at: 8, every: 8 }).reduce((sum, run) => sum + run, 0);
    claims.samples = Math.max(claims.samples, samples);
  } else if (type === "stsc") {
    // Runs of chunks: the first, how many samples each has, and what they are.
    for (const samples of numbersFrom(content, { at: 12, every: 12 }))
      claims.samplesPerChunk = Math.max(claims.samplesPerChunk, samples);
  }
}

function numbersFrom(content: Buffer, { at, every }: { readonly at: number; readonly every: number }): number[] {
  const numbers: number[] = [];
  for (let place = at; place + 4 <= content.length; place += every) numbers.push(content.readUInt32BE(place));
  return numbers;
}

/** The box whose head is at `at`, with bounds from there; null: there is none. */
function boxAt(data: Buffer, at: number, left: number): Box | null {
  if (data.length < at + 8) return null;
  const short = data.readUInt32BE(at);
  const type = data.toString("latin1", at + 4, at + 8);
  const isLong = short === 1;
  if (isLong && data.length < at + HEAD_BYTES) return null;
  const from = isLong ? HEAD_BYTES : 8;
  const size = isLong ? Number(data.readBigUInt64BE(at + 8)) : short === 0 ? left : short;
  return size < from ? null : { type, from, to: Math.min(size, left) };
}
