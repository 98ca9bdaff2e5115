import type { AudioDecoderConfig } from "@napi-rs/webcodecs";
import type { EncodedPacket } from "mediabunny";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs } from "../media/load-webcodecs.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import { AudioReader } from "./audio-reader.ts";
import { FfmpegAudio } from "./ffmpeg-audio.ts";
import { damagedAudio, invalidAudio, type OpenAudio, openAudio, type Unpacker } from "./open-audio.ts";
import { isPcm, pcmUnpacker } from "./pcm.ts";
import { VorbisDecoder } from "./vorbis-decoder.ts";

/** Left and right, equally long. */
export type Stereo = readonly [Float32Array, Float32Array];

/** Sound from its start, piece by piece, in stereo at one rate. */
export interface AudioSource {
  /** The next piece; null: there is no more. @throws {NoRetryError} `INVALID_AUDIO` */
  next(): Promise<Stereo | null>;
  close(): void;
}

/** Opens a file for reading its sound at `rate`. @throws {NoRetryError} `INVALID_AUDIO` */
export async function openAudioSource(path: string, rate: number): Promise<AudioSource> {
  const audio = await openAudio(path);
  try {
    const found = await audio.track.getDecoderConfig().catch(damagedAudio);
    if (found === null) throw invalidAudio("the audio file is of a kind that cannot be decoded");
    if (found.numberOfChannels > RENDER_LIMITS.audioChannels) {
      throw invalidAudio(
        `the audio file has ${found.numberOfChannels} channels; at most ${RENDER_LIMITS.audioChannels} are taken`,
      );
    }
    // The two packages word the same dictionary with types of their own.
    const config = found as AudioDecoderConfig;
    const unpacker = await unpackerOf(audio, config);
    if (unpacker !== null || (config.codec !== "vorbis" && (await canDecode(audio, config)))) {
      return await AudioReader.open(audio, { config, unpacker, rate });
    }
    const source = FfmpegAudio.open(path, audio.container, rate);
    audio[Symbol.dispose]();
    return source;
  } catch (error) {
    audio[Symbol.dispose]();
    throw error;
  }
}

/** What needs no codecs: PCM, and Vorbis, which @napi-rs/webcodecs 1.3 says that it decodes, and does not. Null: anything else. */
async function unpackerOf(audio: OpenAudio, config: AudioDecoderConfig): Promise<Unpacker | null> {
  if (isPcm(config.codec)) return pcmUnpacker(config);
  if (config.codec !== "vorbis" || !(config.description instanceof Uint8Array)) return null;
  return await VorbisDecoder.open(config.description, (await firstPacketOf(audio)).data);
}

/** Tries the first packet: the codecs may say that they can decode what they cannot. */
async function canDecode(audio: OpenAudio, config: AudioDecoderConfig): Promise<boolean> {
  const { AudioDecoder, EncodedAudioChunk } = await loadWebcodecs();
  const packet = await firstPacketOf(audio);
  let isBroken = false;
  const decoder = new AudioDecoder({
    output: (data) => data.close(),
    error: () => {
      isBroken = true;
    },
  });
  try {
    decoder.configure(config);
    const { type, data } = packet;
    decoder.decode(new EncodedAudioChunk({ type, data, timestamp: 0, duration: packet.microsecondDuration }));
    await decoder.flush();
    return !isBroken;
  } catch {
    return false;
  } finally {
    if (decoder.state !== "closed") decoder.close();
  }
}

async function firstPacketOf({ track }: OpenAudio): Promise<EncodedPacket> {
  const { EncodedPacketSink } = await loadMediabunny();
  const packet = await new EncodedPacketSink(track).getFirstPacket().catch(damagedAudio);
  if (packet === null) throw invalidAudio("the audio file has no sound");
  return packet;
}
