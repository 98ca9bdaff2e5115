import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { StbVorbis } from "stb-vorbis";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { openAudioSource, type Stereo } from "../../src/pipelines/karaoke/audio/audio-source.ts";
import { audioDurationMs } from "../../src/pipelines/karaoke/audio/open-audio.ts";
import { VorbisDecoder } from "../../src/pipelines/karaoke/audio/vorbis-decoder.ts";
import { readVorbisBlock, readVorbisHeaders } from "../../src/pipelines/karaoke/audio/vorbis-headers.ts";
import { fileSourceOf } from "../../src/pipelines/karaoke/media/container.ts";
import { findFfmpeg } from "../../src/pipelines/karaoke/media/ffmpeg.ts";
import { loadMediabunny } from "../../src/pipelines/karaoke/media/load-mediabunny.ts";
import { writeOgg } from "../../src/pipelines/karaoke/media/ogg-pages.ts";
import { within } from "../../src/pipelines/karaoke/media/within.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { onsetsOf } from "../support/read-video.ts";

const soundAt = (name: string): string => fileURLToPath(new URL(`../support/sounds/${name}`, import.meta.url));
const MONO = "mono-22050.ogg";
const STEREO = "stereo-37800.ogg";
const SOUNDS = [
  [MONO, 22_050, 1],
  [STEREO, 37_800, 2],
] as const;
const SECONDS = 1.3;

/** A file's packets, and what a decoder needs to know before them. */
async function packetsOf(path: string): Promise<{ description: Uint8Array; packets: Uint8Array[] }> {
  const media = await loadMediabunny();
  using input = new media.Input({ source: new media.FilePathSource(path), formats: [media.OGG] });
  const track = await input.getPrimaryAudioTrack();
  const config = await track?.getDecoderConfig();
  if (track === null || !(config?.description instanceof Uint8Array)) throw new Error("no sound");
  const packets: Uint8Array[] = [];
  for await (const { data } of new media.EncodedPacketSink(track).packets()) packets.push(data);
  return { description: config.description, packets };
}

/** All that the decoder gives, channel by channel, and how long its longest piece is. */
async function decodePieces(description: Uint8Array, packets: readonly Uint8Array[]) {
  const decoder = await VorbisDecoder.open(description, packets[0] ?? new Uint8Array());
  if (decoder === null) throw new Error("it cannot be decoded");
  const pieces = [...packets.map((packet) => decoder.unpack(packet)), decoder.end(Number.POSITIVE_INFINITY)];
  const samples = (channel: number): number[] => pieces.flatMap((piece) => [...(piece[channel] ?? [])]);
  return {
    channels: pieces.some((piece) => piece.length === 2) ? [samples(0), samples(1)] : [samples(0)],
    longest: Math.max(...pieces.map(([first]) => first?.length ?? 0)),
  };
}

/** What stb_vorbis gives of all packets at once. */
function decodeWhole(description: Uint8Array, packets: readonly Uint8Array[]): number[][] {
  const [first, ...others] = readVorbisHeaders(description).packets;
  return StbVorbis.decode(writeOgg([[first], others, packets])).channels.map((samples) => [...samples]);
}

/** Where two sounds begin to differ; null: nowhere. */
function differenceOf(a: ArrayLike<number> = [], b: ArrayLike<number> = []): number | null {
  for (let at = 0; at < Math.max(a.length, b.length); at++) if (a[at] !== b[at]) return at;
  return null;
}

async function readAll(path: string, rate: number): Promise<Stereo> {
  const source = await openAudioSource(path, rate);
  const pieces: Stereo[] = [];
  for (let piece = await source.next(); piece !== null; piece = await source.next()) pieces.push(piece);
  source.close();
  const side = (channel: 0 | 1): Float32Array => Float32Array.from(pieces.flatMap((piece) => [...piece[channel]]));
  return [side(0), side(1)];
}

afterEach(() => vi.unstubAllEnvs());
/** What ffmpeg decodes, the channels in turn. */
function ffmpegMakes(path: string): Float32Array {
  const raw = execFileSync("ffmpeg", ["-v", "error", "-i", path, "-f", "f32le", "-"]);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
}

/** How much a sample of ours differs from theirs at most. */
function worstOf(ours: Stereo, theirs: Float32Array, channels: number): number {
  return theirs.reduce((most, sample, index) => {
    const mine = ours[index % channels === 0 ? 0 : 1][Math.floor(index / channels)] ?? 9;
    return Math.max(most, Math.abs(sample - mine));
  }, 0);
}

beforeAll(async () => await StbVorbis.ready);

describe.each(SOUNDS)("Ogg Vorbis, %s", (name, rate, channels) => {
  test("is read to its last sample, in time, without ffmpeg", async () => {
    const [left, right] = await readAll(soundAt(name), rate);
    expect([left.length, right.length]).toEqual([SECONDS * rate, SECONDS * rate]);
    expect(await audioDurationMs(soundAt(name))).toBe(SECONDS * 1_000);
    const { onsets, lengthMs } = await onsetsOf(soundAt(name));
    // Vorbis lets a tone be heard before it begins, by as much as half a block.
    for (const [index, wanted] of [500, 1_000].entries()) {
      expect(Math.abs((onsets[index] ?? 0) - wanted)).toBeLessThan(15);
    }
    expect(Math.abs(lengthMs - SECONDS * 1_000)).toBeLessThan(0.1);
  });

  test.skipIf(findFfmpeg() === null)("is what ffmpeg makes of it, sample for sample", async () => {
    const theirs = ffmpegMakes(soundAt(name));
    const ours = await readAll(soundAt(name), rate);
    expect(theirs.length).toBe(SECONDS * rate * channels);
    expect(worstOf(ours, theirs, channels)).toBeLessThan(1e-6);
  });

  test("comes in pieces that join to what it is as a whole, and do not grow with its length", async () => {
    const { description, packets } = await packetsOf(soundAt(name));
    // From where a long block follows a long one: others do not fit there.
    const long = [...packets.slice(0, 2), ...Array.from({ length: 8 }, () => packets.slice(2)).flat()];
    const { channels: made, longest } = await decodePieces(description, long);
    const whole = decodeWhole(description, long);
    expect(made.map((samples, channel) => differenceOf(samples, whole[channel]))).toEqual(whole.map(() => null));
    expect(made[0]?.length).toBeGreaterThan(longest);
    expect(longest).toBeLessThan(140_000);
  });

  test("begins with whatever packet", async () => {
    const { description, packets } = await packetsOf(soundAt(name));
    const headers = readVorbisHeaders(description);
    const [whole] = decodeWhole(description, packets);
    // The block of the stereo one's 18th is cut short.
    for (const first of [1, 2, 17, 18, 19, 24]) {
      const { channels: made } = await decodePieces(description, packets.slice(first));
      const length = packets.slice(first + 1).reduce((sum, packet, index) => {
        const sizes = [packets[first + index] ?? packet, packet].map((one) => readVorbisBlock(headers, one)?.size ?? 0);
        return sum + ((sizes[0] ?? 0) + (sizes[1] ?? 0)) / 4;
      }, 0);
      expect([first, differenceOf(made[0], length === 0 ? [] : whole?.slice(-length))]).toEqual([first, null]);
    }
  });
});

test("more than two channels are left to ffmpeg", async () => {
  const { description, packets } = await packetsOf(soundAt(MONO));
  const surround = Uint8Array.from(description);
  // Behind what says how long the packets are stands the first, and in it the number of channels.
  surround[surround.indexOf(1) + 11] = 6;
  expect(await VorbisDecoder.open(surround, packets[0] ?? new Uint8Array())).toBeNull();
});

test("a few bytes that a decoder would unpack to a gigabyte are refused", async () => {
  const { description, packets } = await packetsOf(soundAt(MONO));
  const huge = Uint8Array.from(description);
  // Behind the name of the third packet: one table more than there are, and the size of the first: 16 bits, and 24.
  const table = Buffer.from(huge.buffer).indexOf("\x05vorbis", "latin1") + 8;
  huge.set([32, 0, 0, 0, 128], table + 3);
  const opened = VorbisDecoder.open(huge, packets[0] ?? new Uint8Array());
  await expect(opened).rejects.toThrow("its Vorbis tables make no sense");
});

describe("what is wrong with an Ogg file is told", () => {
  const good = readFileSync(soundAt(STEREO));
  const read = async (content: Uint8Array): Promise<Stereo> => {
    const path = join(temporaryFolder(), "a.ogg");
    writeFileSync(path, content);
    return await readAll(path, 37_800);
  };
  const lastPage = good.lastIndexOf("OggS");
  const changed = Buffer.from(good);
  changed[5_000] = (changed[5_000] ?? 0) ^ 1;

  test.each([
    ["cut off in a page", good.subarray(0, -100), "the audio file is cut off in the middle of a page"],
    ["cut off in the head of a page", good.subarray(0, lastPage + 20), "is cut off in the middle of a page"],
    ["one bit is another", changed, /is damaged at byte \d+/],
    ["two streams", Buffer.concat([good, good]), "holds several streams one after the other (a chain)"],
    ["junk between pages", Buffer.concat([good.subarray(0, lastPage), Buffer.alloc(40), good]), /is damaged at byte/],
  ])("%s", async (_, content, message) => {
    await expect(read(content)).rejects.toMatchObject({ name: "NoRetryError", code: "INVALID_AUDIO" });
    await expect(read(content)).rejects.toThrow(message);
  });

  test("but not that the mark of its end is missing, or that something stands behind it", async () => {
    const [whole] = await read(good);
    const [same] = await read(Buffer.concat([good, Buffer.from("TAG of another program")]));
    expect(differenceOf(same, whole)).toBeNull();
    const [some] = await read(good.subarray(0, lastPage));
    expect(some.length).toBeGreaterThan(0);
    expect(differenceOf(some, whole.subarray(0, some.length))).toBeNull();
  });

  test("packets that are damaged inside whole pages are decoded or refused, and never more than that", async () => {
    const { description, packets } = await packetsOf(soundAt(STEREO));
    const [first, ...others] = readVorbisHeaders(description).packets;
    // What this decoder does not take would be given to ffmpeg.
    vi.stubEnv("PATH", "");
    const damages = fc.array(fc.tuple(fc.nat(5_200), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damages, async (changes) => {
        const copies = [first, ...others, ...packets].map((packet) => Uint8Array.from(packet));
        for (const [at, value] of changes) {
          let place = at;
          for (const copy of copies) {
            if (place < copy.length) copy[place] = value;
            place -= copy.length;
            if (place < 0) break;
          }
        }
        const [id = first, comments = first, setup = first, ...sound] = copies;
        await read(writeOgg([[id], [comments, setup], sound])).catch((error: unknown) => {
          expect(error).toMatchObject({ name: "NoRetryError", code: "INVALID_AUDIO" });
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe("Vorbis in WebM", () => {
  async function makeWebm(): Promise<string> {
    const media = await loadMediabunny();
    const path = join(temporaryFolder(), "a.webm");
    using input = new media.Input({ source: new media.FilePathSource(soundAt(STEREO)), formats: [media.OGG] });
    const track = await input.getPrimaryAudioTrack();
    const decoderConfig = await track?.getDecoderConfig();
    if (track === null || decoderConfig == null) throw new Error("no sound");
    const output = new media.Output({ format: new media.WebMOutputFormat(), target: new media.FilePathTarget(path) });
    const source = new media.EncodedAudioPacketSource("vorbis");
    output.addAudioTrack(source);
    await output.start();
    for await (const packet of new media.EncodedPacketSink(track).packets())
      await source.add(packet, { decoderConfig });
    await output.finalize();
    return path;
  }

  test("is read to the sample", async () => {
    const [left] = await readAll(await makeWebm(), 37_800);
    const [whole] = await readAll(soundAt(STEREO), 37_800);
    // WebM does not say to the sample where its sound ends.
    expect(left.length - whole.length).toBeLessThan(2_048);
    expect(differenceOf(left.subarray(0, whole.length), whole)).toBeNull();
  });

  test("that is damaged inside a cluster is refused, and where a reader searches in it without end, that can be ended", async () => {
    const path = await makeWebm();
    const file = readFileSync(path);
    writeFileSync(path, file.fill(0, file.length - 600));
    await expect(readAll(path, 48_000)).rejects.toThrow("the audio file is damaged");
    const media = await loadMediabunny();
    const input = new media.Input({ source: fileSourceOf(media, "webm", path), formats: [media.WEBM] });
    const track = await input.getPrimaryAudioTrack();
    if (track === null) throw new Error("no sound");
    const packets = new media.EncodedPacketSink(track).packets();
    const search = (async () => {
      for await (const { data } of packets) expect(data.length).toBeGreaterThan(0);
    })();
    const late = within(search, 50, () => new Error("late"));
    await expect(late).rejects.toThrow("late");
    input.dispose();
    await expect(search).rejects.toThrow(/disposed/);
  });
});

describe("an MP3 that tells its gaps", () => {
  test("is heard without them, and is as long as what it was made of", async () => {
    const path = soundAt("mono-44100.mp3");
    const [left] = await readAll(path, 44_100);
    expect(left.length).toBe(0.9 * 44_100);
    expect(await audioDurationMs(path)).toBe(900);
    expect((await onsetsOf(path)).onsets).toEqual([expect.closeTo(500, -1)]);
    // Resampled too it ends where it should.
    const [resampled] = await readAll(path, 48_000);
    expect(Math.abs(resampled.length - 0.9 * 48_000)).toBeLessThanOrEqual(1);
  });

  test.skipIf(findFfmpeg() === null)("is what ffmpeg makes of it, sample for sample", async () => {
    const path = soundAt("mono-44100.mp3");
    const [ours, theirs] = [await readAll(path, 44_100), ffmpegMakes(path)];
    expect(theirs.length).toBe(ours[0].length);
    expect(worstOf(ours, theirs, 1)).toBeLessThan(1e-4);
  });
});
