import { describe, expect, test } from "vitest";
import { gapsIn } from "./mp3-gaps.ts";
import { readPcm } from "./pcm.ts";
import { Resampler } from "./resampler.ts";
import { toStereo } from "./stereo.ts";

const sine = (rate: number, hz: number, seconds: number): Float32Array =>
  Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * hz * index) / rate));

function resample(input: Float32Array, from: number, piece: number): Float32Array {
  const resampler = new Resampler(from, 48_000, 1);
  const made: Float32Array[] = [];
  for (let at = 0; at < input.length; at += piece) made.push(...resampler.push([input.subarray(at, at + piece)]));
  made.push(...resampler.end());
  return Float32Array.from(made.flatMap((samples) => [...samples]));
}

describe("Resampler", () => {
  test.each([8_000, 22_050, 32_000, 44_100, 96_000])("keeps a tone of %i Hz in time and in shape", (from) => {
    const made = resample(sine(from, 997, 0.5), from, 1_000);
    const wanted = sine(48_000, 997, 0.5);
    expect(Math.abs(made.length - wanted.length)).toBeLessThanOrEqual(1);
    const inner = wanted.subarray(2_000, -2_000);
    const worst = inner.reduce(
      (most, sample, index) => Math.max(most, Math.abs(sample - (made[index + 2_000] ?? 0))),
      0,
    );
    expect(worst).toBeLessThan(0.002);
  });

  test("gives the same in whatever pieces it comes", () => {
    const input = sine(44_100, 440, 0.2);
    const whole = resample(input, 44_100, input.length);
    for (const piece of [1, 7, 1_152]) expect(resample(input, 44_100, piece)).toEqual(whole);
  });

  test("lets no tone through that the new rate cannot hold", () => {
    const made = resample(sine(96_000, 30_000, 0.2), 96_000, 4_096);
    expect(Math.max(...made.subarray(1_000, -1_000).map(Math.abs))).toBeLessThan(0.01);
  });
});

describe("sound of files", () => {
  test("PCM of all widths", () => {
    expect(readPcm("pcm-u8", Uint8Array.of(0, 128, 255), 1)[0]).toEqual(Float32Array.of(-1, 0, 127 / 128));
    expect(readPcm("pcm-s16", Uint8Array.of(0, 128, 0, 64), 2)).toEqual([Float32Array.of(-1), Float32Array.of(0.5)]);
    expect(readPcm("pcm-s24", Uint8Array.of(0, 0, 128, 0, 0, 64), 1)[0]).toEqual(Float32Array.of(-1, 0.5));
    const floats = new Uint8Array(Float32Array.of(0.25, Number.NaN, 7).buffer);
    expect(readPcm("pcm-f32", floats, 1)[0]).toEqual(Float32Array.of(0.25, 0, 1));
  });

  test("any number of channels becomes two, none louder than full", () => {
    const full = Float32Array.of(1);
    const [left, right] = toStereo([full, full, full, full, full, full]);
    expect([left[0], right[0]]).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)]);
    expect(toStereo([full])).toEqual([full, full]);
    expect(toStereo([full, Float32Array.of(0), Float32Array.of(0)])[1][0]).toBe(0);
  });

  test("the gaps that an MP3 tells", () => {
    const frame = Buffer.alloc(400);
    frame.write("Info", 36, "latin1");
    frame[43] = 0x0f;
    frame.write("LAME3.100", 36 + 8 + 112, "latin1");
    frame.writeUIntBE((576 << 12) | 1_000, 36 + 8 + 112 + 21, 3);
    expect(gapsIn(frame)).toEqual({ start: 576 + 529, end: 1_000 - 529 });
    frame.writeUIntBE((576 << 12) | 100, 36 + 8 + 112 + 21, 3);
    expect(gapsIn(frame)).toEqual({ start: 576 + 529, end: 0 });
    expect(gapsIn(Buffer.alloc(400))).toEqual({ start: 0, end: 0 });
    expect(gapsIn(Buffer.from("Xing"))).toEqual({ start: 0, end: 0 });
  });
});
