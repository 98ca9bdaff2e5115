import { open } from "node:fs/promises";
import type { FilePathSource, InputFormat } from "mediabunny";
import type { MediabunnyModule } from "./load-mediabunny.ts";

/** The containers that are read, told by content: a playlist is none of them, whatever its name. */
export type Container = "mp4" | "webm" | "mp3" | "wav" | "ogg" | "adts";

const HEAD_BYTES = 64;

/** Reads the beginning of a file and tells its container; null for anything that is not read. */
export async function containerOf(path: string): Promise<Container | null> {
  const file = await open(path, "r");
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return sniffContainer(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Tells the container from the magic bytes at a file's beginning. */
export function sniffContainer(head: Uint8Array): Container | null {
  const text = String.fromCharCode(...head);
  if (text.startsWith("ftyp", 4)) return "mp4";
  if (text.startsWith("\x1aE\xdf\xa3")) return "webm";
  if (text.startsWith("RIFF") && text.startsWith("WAVE", 8)) return "wav";
  if (text.startsWith("OggS")) return "ogg";
  if (text.startsWith("ID3")) return "mp3";
  const [first = 0, second = 0] = head;
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return null;
  // Both begin with set bits; of ADTS the two that tell an MPEG layer are clear.
  return (second & 0xf6) === 0xf0 ? "adts" : (second & 0x06) === 0x02 ? "mp3" : null;
}

/** The one reader for a container: none guesses, none follows what a file says of other files. */
export function readersOf(media: MediabunnyModule, container: Container): InputFormat[] {
  const { MP4, QTFF, WEBM, MATROSKA, WAVE, OGG, MP3, ADTS } = media;
  const readers = { mp4: [MP4, QTFF], webm: [WEBM, MATROSKA], wav: [WAVE], ogg: [OGG], mp3: [MP3], adts: [ADTS] };
  return readers[container];
}

/**
 * Where mediabunny reads a file. In a damaged or crafted WebM it may search without end, and from memory it would not even let a timer fire:
 * so WebM is read from the file each time, and whoever disposes of the input ends the search.
 */
export function fileSourceOf(media: MediabunnyModule, container: Container, path: string): FilePathSource {
  return new media.FilePathSource(path, container === "webm" ? { maxCacheSize: 0 } : {});
}
