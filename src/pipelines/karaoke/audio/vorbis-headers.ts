import { invalidAudio } from "./open-audio.ts";

/** Of a mode in the setup packet: whether its blocks are long, and four bytes and one more that say little. */
const MODE_BITS = 41;
const MODES_MAX = 64;
/** Of all code books together, in values; encoders have some hundred thousand. A decoder unpacks them whatever they are used for. */
const BOOK_VALUES_MAX = 4_194_304;
const BOOK_MARK = 0x564342;
/** A comment packet without a maker and without comments: those of the file may hold pictures. */
const NO_COMMENTS = Buffer.from("\x03vorbis\0\0\0\0\0\0\0\0\x01", "latin1");

/** What a Vorbis stream says of itself before its sound (Vorbis I specification, sections 4.2 and 4.3). */
export interface VorbisHeaders {
  readonly channels: number;
  readonly sampleRate: number;
  /** The packets that a stream begins with. */
  readonly packets: readonly [Uint8Array, Uint8Array, Uint8Array];
  /** Samples of a short block and of a long one. */
  readonly blocks: readonly [number, number];
  /** Whether the blocks of a mode are long. */
  readonly modes: readonly boolean[];
}

/** How a packet of sound lies between its neighbours. */
export interface VorbisBlock {
  /** Samples of the block, of which each is heard half, laid over its neighbour. */
  readonly size: number;
  /** True if the block is long and the next one short: its end is then cut. */
  readonly isCutShort: boolean;
}

/** Reads the three packets as containers give them, laced (Ogg, WebM). @throws {NoRetryError} `INVALID_AUDIO` */
export function readVorbisHeaders(description: Uint8Array): VorbisHeaders {
  const [identification, , setup] = unlace(description);
  if (identification?.length !== 30 || !isHeader(identification, 1) || setup === undefined || !isHeader(setup, 5)) {
    throw invalidAudio("the audio file is damaged: its Vorbis headers cannot be read");
  }
  if (bookValuesIn(setup) > BOOK_VALUES_MAX)
    throw invalidAudio("the audio file is damaged: its Vorbis tables make no sense");
  const view = new DataView(identification.buffer, identification.byteOffset, identification.length);
  const exponents = view.getUint8(28);
  return {
    channels: view.getUint8(11),
    sampleRate: view.getUint32(12, true),
    packets: [identification, NO_COMMENTS, setup],
    blocks: [2 ** (exponents & 15), 2 ** (exponents >> 4)],
    modes: modesIn(setup),
  };
}

/** Null: the packet is no sound, and decoders leave it out. @throws {NoRetryError} `INVALID_AUDIO` */
export function readVorbisBlock({ blocks, modes }: VorbisHeaders, packet: Uint8Array): VorbisBlock | null {
  if (bitsAt(packet, 0, 1) === 1) return null;
  const modeBits = 32 - Math.clz32(modes.length - 1);
  const isLong = modes[bitsAt(packet, 1, modeBits)];
  if (isLong === undefined) throw invalidAudio("the audio file is damaged: a packet is of no mode");
  return {
    size: blocks[isLong ? 1 : 0],
    isCutShort: isLong && blocks[0] < blocks[1] && bitsAt(packet, modeBits + 2, 1) === 0,
  };
}

function unlace(description: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const sizes: number[] = [];
  let at = 1;
  for (let size = 0; sizes.length < (description[0] ?? 0) && at < description.length; at++) {
    const byte = description[at] ?? 0;
    size += byte;
    if (byte === 255) continue;
    sizes.push(size);
    size = 0;
  }
  for (const size of sizes) {
    packets.push(description.subarray(at, at + size));
    at += size;
  }
  return [...packets, description.subarray(at)];
}

function isHeader(packet: Uint8Array, type: number): boolean {
  return packet[0] === type && String.fromCharCode(...packet.subarray(1, 7)) === "vorbis";
}

/**
 * The modes stand last in the setup packet, behind tables that only a decoder can read, so they are read from the end: up to the place where
 * their number stands before them and agrees.
 */
function modesIn(setup: Uint8Array): boolean[] {
  let at = setup.length * 8 - 1;
  while (at > 0 && bitsAt(setup, at, 1) === 0) at--;
  const modes: boolean[] = [];
  let found: boolean[] = [];
  while (modes.length < MODES_MAX && at > MODE_BITS + 6) {
    at -= MODE_BITS;
    if (bitsAt(setup, at + 1, 16) !== 0 || bitsAt(setup, at + 17, 16) !== 0 || bitsAt(setup, at + 33, 8) >= 64) break;
    modes.unshift(bitsAt(setup, at, 1) === 1);
    if (bitsAt(setup, at - 6, 6) + 1 === modes.length) found = [...modes];
  }
  return found;
}

/** How many values the code books of the setup packet unpack to (section 3.2.1); infinite: they cannot be read, or are far too many. */
function bookValuesIn(setup: Uint8Array): number {
  let at = 7 * 8;
  const read = (count: number): number => {
    at += count;
    return bitsAt(setup, at - count, count);
  };
  let values = 0;
  for (let books = read(8) + 1; books > 0; books--) {
    if (read(24) !== BOOK_MARK) return Number.POSITIVE_INFINITY;
    const [dimensions, entries] = [read(16), read(24)];
    values += entries * Math.max(1, dimensions);
    if (values > BOOK_VALUES_MAX) return values;
    // The lengths of the codes: in runs, each one longer, or one by one.
    if (read(1) === 1) {
      at += 5;
      for (let known = 0; known < entries && at < setup.length * 8; ) known += read(32 - Math.clz32(entries - known));
    } else {
      const isSparse = read(1) === 1;
      for (let entry = 0; entry < entries; entry++) if (!isSparse || read(1) === 1) at += 5;
    }
    const lookup = read(4);
    if (lookup > 2) return Number.POSITIVE_INFINITY;
    if (lookup === 0) continue;
    at += 2 * 32;
    const bits = read(4) + 1;
    at += 1 + bits * (lookup === 1 ? rootOf(entries, dimensions) : entries * dimensions);
  }
  return values;
}

/** The greatest whole number whose power is not above a value. */
function rootOf(value: number, power: number): number {
  let root = Math.floor(value ** (1 / Math.max(1, power))) + 1;
  while (root > 0 && root ** power > value) root--;
  return root;
}

/** Bits as Vorbis packs them, the lowest first. */
function bitsAt(data: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let bit = 0; bit < count; bit++) {
    value += (((data[(at + bit) >> 3] ?? 0) >> ((at + bit) & 7)) & 1) * 2 ** bit;
  }
  return value;
}
