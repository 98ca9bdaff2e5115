/** A tone of a melody. */
export interface Tone {
  readonly startMs: number;
  readonly endMs: number;
  /** Half tones above the C in the middle. */
  readonly pitch: number;
}

const MIDDLE_C_HZ = 261.626;
const ATTACK_MS = 4;
const LOUDNESS = 0.5;

/**
 * A melody as a WAV file: one channel, 16 bits. Each tone begins on its millisecond with a sharp edge and fades until its end, so that its
 * beginning can be found again in whatever a player makes of it.
 */
export function toWav(tones: readonly Tone[], durationMs: number, sampleRate = 48_000): Buffer {
  const samples = new Int16Array(Math.round((durationMs * sampleRate) / 1_000));
  for (const { startMs, endMs, pitch } of tones) {
    const from = Math.round((startMs * sampleRate) / 1_000);
    const to = Math.min(samples.length, Math.round((endMs * sampleRate) / 1_000));
    const radians = (2 * Math.PI * MIDDLE_C_HZ * 2 ** (pitch / 12)) / sampleRate;
    const attack = (ATTACK_MS * sampleRate) / 1_000;
    for (let at = from; at < to; at++) {
      const rise = Math.min(1, (at - from) / attack);
      const fade = (to - at) / (to - from);
      samples[at] = Math.round(32_767 * LOUDNESS * rise * fade * Math.sin(radians * (at - from)));
    }
  }
  return Buffer.concat([header(samples.byteLength, sampleRate), littleEnd(samples)]);
}

function header(bytes: number, sampleRate: number): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + bytes, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // channels
  head.writeUInt32LE(sampleRate, 24);
  head.writeUInt32LE(sampleRate * 2, 28);
  head.writeUInt16LE(2, 32); // bytes of a sample
  head.writeUInt16LE(16, 34); // bits of a sample
  head.write("data", 36, "latin1");
  head.writeUInt32LE(bytes, 40);
  return head;
}

function littleEnd(samples: Int16Array): Buffer {
  const bytes = Buffer.alloc(samples.byteLength);
  for (const [index, sample] of samples.entries()) bytes.writeInt16LE(sample, index * 2);
  return bytes;
}
