import { open } from "node:fs/promises";

/** What every decoder of MP3 adds to the encoder's delay, in samples. */
const DECODER_DELAY = 529;
const FRAME_BYTES = 512;
/** Of an ID3v2 tag's header, which says how long the tag is. */
const ID3_BYTES = 10;

/**
 * Samples of silence at the start of what an MP3 file decodes to, which its encoder tells in the first frame (the LAME tag); 0: it tells nothing.
 */
export async function mp3Delay(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    const head = new Uint8Array(ID3_BYTES);
    await file.read(head, 0, ID3_BYTES, 0);
    const frame = new Uint8Array(FRAME_BYTES);
    const { bytesRead } = await file.read(frame, 0, FRAME_BYTES, id3Bytes(head));
    return delayIn(frame.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The delay that a file's first frame tells. */
export function delayIn(frame: Uint8Array): number {
  const text = String.fromCharCode(...frame);
  const tag = [text.indexOf("Xing"), text.indexOf("Info")].find((at) => at >= 0);
  if (tag === undefined) return 0;
  const flags = frame[tag + 7] ?? 0;
  // Number of frames, of bytes, a table for seeking, quality: each is there if its flag is.
  const lame = tag + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!/^(?:LAME|Lavc|Lavf|GOGO)/.test(text.slice(lame, lame + 4))) return 0;
  const encoderDelay = ((frame[lame + 21] ?? 0) << 4) | ((frame[lame + 22] ?? 0) >> 4);
  return encoderDelay === 0 ? 0 : encoderDelay + DECODER_DELAY;
}

function id3Bytes(head: Uint8Array): number {
  if (String.fromCharCode(...head.subarray(0, 3)) !== "ID3") return 0;
  // Seven bits a byte.
  return ID3_BYTES + head.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 0x7f), 0);
}
