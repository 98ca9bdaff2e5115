import type { AudioData, AudioDecoder, AudioDecoderConfig } from "@napi-rs/webcodecs";
import type { EncodedPacket } from "mediabunny";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs, type WebcodecsModule } from "../media/load-webcodecs.ts";
import { within } from "../media/within.ts";
import { reasonOf } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import type { AudioSource, Stereo } from "./audio-source.ts";
import { type Gaps, mp3Gaps, NO_GAPS } from "./mp3-gaps.ts";
import { damagedAudio, invalidAudio, lateAudio, type OpenAudio, type Unpacker } from "./open-audio.ts";
import { readPcm } from "./pcm.ts";
import { Resampler } from "./resampler.ts";
import { toStereo } from "./stereo.ts";

/** Packets that wait in the decoder at most. */
const QUEUE = 8;

/** Reads the sound of a file from its start, piece by piece, in stereo at one rate. */
export class AudioReader implements AudioSource {
  readonly #codecs: WebcodecsModule;
  readonly #audio: OpenAudio;
  readonly #config: AudioDecoderConfig;
  readonly #packets: AsyncGenerator<EncodedPacket, void, unknown>;
  readonly #rate: number;
  readonly #unpacker: Unpacker | null;
  readonly #decoder: AudioDecoder | null;
  #resampler: Resampler | null = null;
  #pieces: Stereo[] = [];
  /** Samples before the start of the sound, which are not heard; negative: silence before its first; null: not known yet. */
  #skip: number | null = null;
  readonly #gaps: Gaps;
  /** The last samples of each channel, which are not heard if the file ends with them. */
  #held: readonly Float32Array[] = [];
  /** Of the first packet, in samples: shorter than what it decodes to where its beginning is not to be heard. */
  #firstPacket = Number.POSITIVE_INFINITY;
  /** When the first packet is heard, in microseconds. */
  #startUs: number | null = null;
  /** Of the last packet, in samples: the end of Ogg says how much of it is heard. */
  #lastPacket = 0;
  #isEnded = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  private constructor(parts: {
    readonly codecs: WebcodecsModule;
    readonly audio: OpenAudio;
    readonly config: AudioDecoderConfig;
    readonly unpacker: Unpacker | null;
    readonly packets: AsyncGenerator<EncodedPacket, void, unknown>;
    readonly rate: number;
    readonly gaps: Gaps;
  }) {
    this.#codecs = parts.codecs;
    this.#audio = parts.audio;
    this.#config = parts.config;
    this.#packets = parts.packets;
    this.#rate = parts.rate;
    this.#gaps = parts.gaps;
    this.#unpacker = parts.unpacker;
    this.#decoder = parts.unpacker === null ? this.#makeDecoder() : null;
  }

  /** Takes `audio` over; `close` disposes of it. @throws {NoRetryError} `INVALID_AUDIO` */
  static async open(
    audio: OpenAudio,
    how: { readonly config: AudioDecoderConfig; readonly unpacker: Unpacker | null; readonly rate: number },
  ): Promise<AudioReader> {
    const [media, codecs] = await Promise.all([loadMediabunny(), loadWebcodecs()]);
    const gaps = audio.container === "mp3" ? await mp3Gaps(audio.path) : NO_GAPS;
    const packets = new media.EncodedPacketSink(audio.track).packets();
    return new AudioReader({ ...how, codecs, audio, packets, gaps });
  }

  /** The next piece; null: there is no more. */
  async next(): Promise<Stereo | null> {
    return await within(this.#next(), RENDER_LIMITS.stepMs, lateAudio);
  }

  close(): void {
    if (this.#decoder !== null && this.#decoder.state !== "closed") this.#decoder.close();
    void this.#packets.return().catch(() => {});
    this.#audio[Symbol.dispose]();
  }

  #makeDecoder(): AudioDecoder {
    const decoder = new this.#codecs.AudioDecoder({
      output: (data) => this.#take(data),
      error: (error) => this.#fail(invalidAudio(`the audio file cannot be decoded: ${reasonOf(error)}`, error)),
    });
    decoder.ondequeue = () => this.#wake();
    decoder.configure(this.#config);
    return decoder;
  }

  async #next(): Promise<Stereo | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const piece = this.#pieces.shift();
      if (piece !== undefined) return piece;
      if (this.#isEnded) return null;
      if (this.#decoder !== null && this.#decoder.decodeQueueSize >= QUEUE) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else await this.#feed();
    }
  }

  async #feed(): Promise<void> {
    const { value: packet, done } = await this.#packets.next().catch(damagedAudio);
    if (done === true || packet === undefined) {
      await this.#decoder?.flush().catch(damagedAudio);
      const heard = this.#audio.container === "ogg" ? this.#lastPacket : Number.POSITIVE_INFINITY;
      this.#takeUnpacked(this.#unpacker?.end(heard) ?? []);
      this.#isEnded = true;
      const rest = this.#resampler?.end();
      if (rest !== undefined) this.#push(rest);
      return;
    }
    const { type, data } = packet;
    const [timestamp, duration] = [packet.microsecondTimestamp, packet.microsecondDuration];
    if (this.#unpacker !== null) {
      this.#startUs ??= timestamp;
      this.#lastPacket = Math.round(packet.duration * this.#unpacker.sampleRate);
      this.#takeUnpacked(this.#unpacker.unpack(data));
      return;
    }
    if (this.#firstPacket === Number.POSITIVE_INFINITY) this.#firstPacket = packet.duration * this.#config.sampleRate;
    try {
      this.#decoder?.decode(new this.#codecs.EncodedAudioChunk({ type, timestamp, duration, data }));
    } catch (error) {
      // What is wrong comes to the decoder's own callback too, with the reason.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#failure === null) damagedAudio(error);
    }
    // What is decoded on another thread comes back in a turn of the loop of its own.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #takeUnpacked(channels: Float32Array[]): void {
    if (this.#unpacker === null || channels.length === 0) return;
    this.#accept(channels, { timestamp: this.#startUs ?? 0, sampleRate: this.#unpacker.sampleRate });
  }

  #take(data: AudioData): void {
    try {
      const { numberOfFrames, numberOfChannels, sampleRate, timestamp, format } = data;
      if (format !== "f32-planar" && format !== "f32") throw new Error(`samples come as ${format}`);
      const isPlanar = format === "f32-planar";
      const planes = Array.from({ length: isPlanar ? numberOfChannels : 1 }, (_, planeIndex) => {
        const samples = new Float32Array(isPlanar ? numberOfFrames : numberOfFrames * numberOfChannels);
        data.copyTo(new Uint8Array(samples.buffer), { planeIndex });
        return samples;
      });
      const bytes = new Uint8Array(planes[0]?.buffer ?? new ArrayBuffer());
      const channels = isPlanar ? planes : readPcm("pcm-f32", bytes, numberOfChannels);
      this.#accept(channels, { timestamp, sampleRate });
    } catch (error) {
      this.#fail(invalidAudio(`the audio file cannot be decoded: ${reasonOf(error)}`, error));
    } finally {
      data.close();
    }
  }

  #accept(channels: Float32Array[], at: { readonly timestamp: number; readonly sampleRate: number }): void {
    const stereo = toStereo(this.#holdEnd(this.#align(channels, at)));
    this.#resampler ??= new Resampler(at.sampleRate, this.#rate, stereo.length);
    this.#push(this.#resampler.push(stereo));
  }

  /** Puts the first samples in their place: what lies before 0 goes, what begins later gets silence before it. */
  #align(
    channels: Float32Array[],
    { timestamp, sampleRate }: { readonly timestamp: number; readonly sampleRate: number },
  ): Float32Array[] {
    const length = channels[0]?.length ?? 0;
    if (this.#skip === null) {
      // Opus: the first packet says how much of it is heard, and the decoder may or may not have heeded that.
      const isTrimmed = this.#config.codec === "opus" && Number.isFinite(this.#firstPacket);
      const trimmed = isTrimmed ? Math.max(0, length - Math.round(this.#firstPacket)) : 0;
      this.#skip = this.#gaps.start + trimmed - Math.round((timestamp * sampleRate) / 1e6);
    }
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, length);
      this.#skip -= skipped;
      return channels.map((samples) => samples.subarray(skipped));
    }
    const silence = Math.min(-this.#skip, RENDER_LIMITS.silenceSamples);
    this.#skip = 0;
    if (silence === 0) return channels;
    return channels.map((samples) => {
      const late = new Float32Array(silence + samples.length);
      late.set(samples, silence);
      return late;
    });
  }

  #holdEnd(channels: Float32Array[]): Float32Array[] {
    const { end } = this.#gaps;
    if (end === 0) return channels;
    const joined = channels.map((samples, channel) => {
      const held = this.#held[channel] ?? new Float32Array();
      const all = new Float32Array(held.length + samples.length);
      all.set(held);
      all.set(samples, held.length);
      return all;
    });
    this.#held = joined.map((samples) => samples.slice(-end));
    return joined.map((samples) => samples.subarray(0, Math.max(0, samples.length - end)));
  }

  #push([left, right]: readonly Float32Array[]): void {
    if (left !== undefined && right !== undefined && left.length > 0) this.#pieces.push([left, right]);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
