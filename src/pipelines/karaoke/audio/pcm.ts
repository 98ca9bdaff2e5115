import type { Unpacker } from "./open-audio.ts";

/** How samples stand in a WAV file, by the names of WebCodecs. Each reader returns −1 to 1. */
const SAMPLES: Readonly<
  Record<string, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }>
> = {
  "pcm-u8": { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  "pcm-s16": { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32_768 },
  "pcm-s24": { bytes: 3, read: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608 },
  "pcm-s32": { bytes: 4, read: (view, at) => view.getInt32(at, true) / 2_147_483_648 },
  "pcm-f32": { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  "pcm-f64": { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** Takes the packets of a WAV file apart. */
export function pcmUnpacker({
  codec,
  numberOfChannels,
  sampleRate,
}: {
  readonly codec: string;
  readonly numberOfChannels: number;
  readonly sampleRate: number;
}): Unpacker {
  return { sampleRate, unpack: (packet) => readPcm(codec, packet, numberOfChannels), end: () => [] };
}

/** Whether `readPcm` reads this. */
export function isPcm(codec: string): boolean {
  return Object.hasOwn(SAMPLES, codec);
}

/** Samples of interleaved sound, channel by channel. What is no number (a damaged file of floats) is silence. */
export function readPcm(codec: string, data: Uint8Array, channels: number): Float32Array[] {
  const kind = SAMPLES[codec];
  if (kind === undefined) throw new Error(`${codec} is no PCM that is read`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = Math.floor(data.byteLength / (kind.bytes * channels));
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(length);
    for (let index = 0; index < length; index++) {
      const sample = kind.read(view, (index * channels + channel) * kind.bytes);
      samples[index] = Number.isFinite(sample) ? Math.max(-1, Math.min(1, sample)) : 0;
    }
    return samples;
  });
}
