import type { StbVorbis } from "stb-vorbis";
import { writeOgg } from "../media/ogg-pages.ts";
import { damagedAudio, invalidAudio, type Unpacker } from "./open-audio.ts";
import { readVorbisBlock, readVorbisHeaders, type VorbisBlock, type VorbisHeaders } from "./vorbis-headers.ts";

type Decode = typeof StbVorbis.decode;

interface Packet extends VorbisBlock {
  readonly data: Uint8Array;
}

/** What is decoded at once: each time the decoder reads the headers anew. A little more may come until a piece can end. */
const PIECE_SAMPLES = 131_072;
const PIECE_BYTES = 4_194_304;
/** stb_vorbis 1.22 makes noise of six channels (nothings/stb issue 879), and from three on their order is another than in WAV. */
const CHANNELS_MAX = 2;

/**
 * Decodes Vorbis with stb_vorbis, which takes whole files only: the packets of some seconds at a time become a file of their own, so that
 * memory does not grow with the length. It gives to the sample what the whole file would.
 *
 * A packet is heard from the middle of the block before it to the middle of its own. So each piece begins with the packet that the one before
 * ended with, and which is not heard again, and ends with a block that is not cut short: of such a one the decoder gives more at once.
 */
export class VorbisDecoder implements Unpacker {
  readonly #decode: Decode;
  readonly #headers: VorbisHeaders;
  /** The last packet that was heard; at the start the first, of which nothing is. */
  #before: Packet | null = null;
  #packets: Packet[] = [];
  #bytes = 0;
  /** What is heard of the packets. */
  #samples = 0;

  private constructor(decode: Decode, headers: VorbisHeaders) {
    this.#decode = decode;
    this.#headers = headers;
  }

  /** Null: it cannot decode a stream of this kind, which its first packet of sound tells. @throws {NoRetryError} `INVALID_AUDIO` */
  static async open(description: Uint8Array, first: Uint8Array): Promise<VorbisDecoder | null> {
    const headers = readVorbisHeaders(description);
    if (headers.channels > CHANNELS_MAX) return null;
    const { StbVorbis } = await import("stb-vorbis");
    await StbVorbis.ready;
    const decode: Decode = (data) => StbVorbis.decode(data);
    try {
      decode(fileOf(headers, [first, first]));
    } catch {
      // Of before 2004 ("floor 0"), or damaged.
      return null;
    }
    return new VorbisDecoder(decode, headers);
  }

  get sampleRate(): number {
    return this.#headers.sampleRate;
  }

  unpack(data: Uint8Array): Float32Array[] {
    const block = readVorbisBlock(this.#headers, data);
    if (block === null) return [];
    const packet = { ...block, data };
    const before = this.#packets.at(-1) ?? this.#before;
    if (before === null) {
      this.#before = packet;
      return [];
    }
    this.#packets.push(packet);
    this.#bytes += data.length;
    this.#samples += (before.size + packet.size) / 4;
    const fullness = Math.max(this.#samples / PIECE_SAMPLES, this.#bytes / PIECE_BYTES);
    if (fullness >= 2) throw invalidAudio("the audio file is damaged: its packets do not fit each other");
    return fullness >= 1 && !packet.isCutShort ? this.#take() : [];
  }

  end(heard: number): Float32Array[] {
    const last = this.#packets.at(-1);
    if (last === undefined) return [];
    const before = this.#packets.at(-2) ?? this.#before;
    const ofLast = ((before?.size ?? 0) + last.size) / 4;
    const channels = this.#take();
    return channels.map((samples) => samples.subarray(0, samples.length - Math.max(0, ofLast - heard)));
  }

  #take(): Float32Array[] {
    const [before, last] = [this.#before, this.#packets.at(-1)];
    if (before === null || last === undefined) return [];
    const packets = [before, ...this.#packets];
    // The decoder leaves out too much behind a first block that is cut short; if that is the second too, it is whole.
    if (before.isCutShort) packets.unshift(before);
    const made = this.#decodeAll(packets.map(({ data }) => data));
    const [short, long] = this.#headers.blocks;
    const to = (made[0]?.length ?? 0) - (last.isCutShort ? (long - short) / 4 : 0);
    const from = to - this.#samples;
    // The decoder stops at a packet that it does not understand, without a word.
    if (from < 0 || (from > 0 && !before.isCutShort))
      throw invalidAudio("the audio file is damaged: a packet cannot be decoded");
    this.#before = last;
    this.#packets = [];
    this.#bytes = 0;
    this.#samples = 0;
    return made.map((samples) => samples.subarray(from, to));
  }

  #decodeAll(packets: readonly Uint8Array[]): Float32Array[] {
    try {
      return this.#decode(fileOf(this.#headers, packets)).channels;
    } catch (error) {
      return damagedAudio(error);
    }
  }
}

function fileOf({ packets: [identification, ...others] }: VorbisHeaders, packets: readonly Uint8Array[]): Uint8Array {
  return writeOgg([[identification], others, packets]);
}
