import { open } from "node:fs/promises";

/** What every decoder of MP3 adds to the encoder's delay, in samples. */
const DECODER_DELAY = 529;
const FRAME_BYTES = 512;
/** Of an ID3v2 tag's header, which says how long the tag is. */
const ID3_BYTES = 10;

/** Samples at the start and at the end of what a file decodes to that were not in what it was made of. */
export interface Gaps {
  readonly start: number;
  readonly end: number;
}

export const NO_GAPS: Gaps = { start: 0, end: 0 };

/** The gaps of an MP3 file, which its encoder tells in the first frame (the LAME tag); none: it tells nothing. */
export async function mp3Gaps(path: string): Promise<Gaps> {
  const file = await open(path, "r");
  try {
    const head = new Uint8Array(ID3_BYTES);
    await file.read(head, 0, ID3_BYTES, 0);
    const frame = new Uint8Array(FRAME_BYTES);
    const { bytesRead } = await file.read(frame, 0, FRAME_BYTES, id3Bytes(head));
    return gapsIn(frame.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The gaps that a file's first frame tells. */
export function gapsIn(frame: Uint8Array): Gaps {
  const text = String.fromCharCode(...frame);
  const tag = [text.indexOf("Xing"), text.indexOf("Info")].find((at) => at >= 0);
  if (tag === undefined) return NO_GAPS;
  const flags = frame[tag + 7] ?? 0;
  // Number of frames, of bytes, a table for seeking, quality: each is there if its flag is.
  const lame = tag + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!/^(?:LAME|Lavc|Lavf|GOGO)/.test(text.slice(lame, lame + 4))) return NO_GAPS;
  // Twelve bits each.
  const [high = 0, middle = 0, low = 0] = frame.subarray(lame + 21, lame + 24);
  const [delay, padding] = [(high << 4) | (middle >> 4), ((middle & 15) << 8) | low];
  // All comes later by the decoder's delay, so that its end is so much nearer to the end of the file.
  return delay === 0 ? NO_GAPS : { start: delay + DECODER_DELAY, end: Math.max(0, padding - DECODER_DELAY) };
}

function id3Bytes(head: Uint8Array): number {
  if (String.fromCharCode(...head.subarray(0, 3)) !== "ID3") return 0;
  // Seven bits a byte.
  return ID3_BYTES + head.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 0x7f), 0);
}
