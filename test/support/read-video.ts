import { readFileSync } from "node:fs";
import { openAudioSource } from "../../src/pipelines/karaoke/audio/audio-source.ts";
import { VideoReader } from "../../src/pipelines/karaoke/background/video-reader.ts";
import { loadMediabunny } from "../../src/pipelines/karaoke/media/load-mediabunny.ts";
import { stayAlive } from "../../src/pipelines/karaoke/media/load-webcodecs.ts";
import { makePicture, type Picture, toRgba } from "../../src/pipelines/karaoke/paint/planes.ts";

/** What a video file holds, decoded again. */
export interface ReadVideo {
  readonly pictures: readonly Picture[];
  /** When each picture is shown, in milliseconds. */
  readonly times: readonly number[];
}

/** Decodes all pictures of a video. */
export async function readVideo(path: string): Promise<ReadVideo> {
  using _ = stayAlive();
  const reader = await VideoReader.open(path);
  const pictures: Picture[] = [];
  const times: number[] = [];
  try {
    for (let next = await reader.next(); next !== null; next = await reader.next()) {
      const { width, height } = next.frame.visibleRect;
      const picture = makePicture(width, height);
      await next.frame.copyTo(picture.data);
      next.frame.close();
      pictures.push(picture);
      times.push(next.timeMs);
    }
  } finally {
    reader.close();
  }
  return { pictures, times };
}

/** What a video file says of itself. */
export async function describeVideo(path: string) {
  const media = await loadMediabunny();
  using input = new media.Input({ source: new media.FilePathSource(path), formats: [media.MP4] });
  const video = await input.getPrimaryVideoTrack();
  const audio = await input.getPrimaryAudioTrack();
  if (video === null) throw new Error("no pictures");
  return {
    width: await video.getDisplayWidth(),
    height: await video.getDisplayHeight(),
    codec: (await video.getDecoderConfig())?.codec,
    colorSpace: await video.getColorSpace(),
    seconds: await video.computeDuration(),
    packets: (await video.computePacketStats()).packetCount,
    audio:
      audio === null
        ? null
        : { codec: (await audio.getDecoderConfig())?.codec, seconds: await audio.computeDuration() },
  };
}

/** The names of a file's outermost boxes (ISO/IEC 14496-12), in order. */
export function boxesOf(path: string): readonly string[] {
  const file = readFileSync(path);
  const names: string[] = [];
  for (let at = 0; at + 8 <= file.length; ) {
    names.push(file.toString("latin1", at + 4, at + 8));
    const size = file.readUInt32BE(at);
    at += size === 1 ? Number(file.readBigUInt64BE(at + 8)) : size === 0 ? file.length : size;
  }
  return names;
}

/** The colour of a pixel, as red, green and blue. */
export function colorAt(picture: Picture, x: number, y: number): readonly number[] {
  const at = (y * picture.width + x) * 4;
  return [...toRgba(picture).subarray(at, at + 3)];
}

/** How much of the pixels inside a rectangle has about a colour: 0 to 1. */
export function shareOf(
  picture: Picture,
  color: readonly [number, number, number],
  area: { readonly left: number; readonly right: number },
): number {
  const rgba = toRgba(picture);
  let found = 0;
  for (let y = 0; y < picture.height; y++) {
    for (let x = area.left; x < area.right; x++) {
      const at = (y * picture.width + x) * 4;
      if (color.every((value, channel) => Math.abs(value - (rgba[at + channel] ?? 0)) < 60)) found++;
    }
  }
  return found / (picture.height * (area.right - area.left));
}

/** Peak signal-to-noise ratio of two pictures, in decibels; infinite for equal ones. */
export function psnr(a: Picture, b: Picture): number {
  let sum = 0;
  a.data.forEach((value, index) => {
    sum += (value - (b.data[index] ?? 0)) ** 2;
  });
  return 10 * Math.log10(255 ** 2 / (sum / a.data.length));
}

/** When sound begins after a silence, in milliseconds, and how long the track is. */
export async function onsetsOf(
  path: string,
): Promise<{ readonly onsets: readonly number[]; readonly lengthMs: number }> {
  using _ = stayAlive();
  const rate = 48_000;
  const source = await openAudioSource(path, rate);
  const onsets: number[] = [];
  let at = 0;
  let quiet = rate;
  for (let piece = await source.next(); piece !== null; piece = await source.next()) {
    for (const sample of piece[0]) {
      if (Math.abs(sample) > 0.05) {
        if (quiet > rate / 20) onsets.push((at * 1_000) / rate);
        quiet = 0;
      } else quiet++;
      at++;
    }
  }
  source.close();
  return { onsets, lengthMs: (at * 1_000) / rate };
}
