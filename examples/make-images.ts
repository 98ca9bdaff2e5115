import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

/** What to make. The same seed and index make the same picture, whatever else is asked for. */
export interface MakeImagesOptions {
  readonly count: number;
  readonly seed?: number;
  /** Megapixels of the smallest and the largest; sizes in between are spread evenly by ratio. */
  readonly minMpx?: number;
  readonly maxMpx?: number;
  /** Formats in turn; default: four JPEG, a PNG and a WebP. */
  readonly formats?: readonly ("jpg" | "png" | "webp")[];
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const MIXED = ["jpg", "jpg", "png", "jpg", "webp", "jpg"] as const;
/** PNG files of noise are huge and slow; they stay below this many megapixels. */
const PNG_MAX_MPX = 2;

/**
 * Makes pictures that look like photos to an encoder (slow gradients, shapes with edges, grain) and writes those that are
 * not in `directory` yet. A file appears whole or not at all. Every fifth JPEG bears an EXIF orientation.
 *
 * @returns the paths of all of them, and how many were made now.
 */
export async function makeImages(
  directory: string,
  options: MakeImagesOptions,
): Promise<{ readonly paths: readonly string[]; readonly made: number }> {
  await mkdir(directory, { recursive: true });
  const formats = options.formats ?? MIXED;
  const plans = Array.from({ length: options.count }, (_, index) => {
    const extension = formats[index % formats.length] ?? "jpg";
    return { index, extension, path: join(directory, `photo-${String(index + 1).padStart(3, "0")}.${extension}`) };
  });
  let done = 0;
  let made = 0;
  const waiting = plans.values();
  const lane = async (): Promise<void> => {
    for (const plan of waiting) {
      options.signal?.throwIfAborted();
      if (!(await isThere(plan.path))) {
        await makeOne(plan, options);
        made += 1;
      }
      options.onProgress?.(++done, plans.length);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 4 }, lane));
  return { paths: plans.map((plan) => plan.path), made };
}

async function isThere(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats !== null && stats.size > 0;
}

async function makeOne(
  plan: { readonly index: number; readonly extension: "jpg" | "png" | "webp"; readonly path: string },
  options: MakeImagesOptions,
): Promise<void> {
  const chance = chanceFrom((options.seed ?? 1) * 7_919 + plan.index);
  const { minMpx = 0.3, maxMpx = 12 } = options;
  const asked = minMpx * (maxMpx / minMpx) ** chance();
  const mpx = plan.extension === "png" ? Math.min(asked, Math.max(minMpx, PNG_MAX_MPX)) : asked;
  const ratio = [3 / 2, 4 / 3, 16 / 9, 2 / 3, 1][Math.floor(chance() * 5)] ?? 1;
  const width = Math.round(Math.sqrt(mpx * 1e6 * ratio));
  const height = Math.round((mpx * 1e6) / width);
  const picture = sharp(await paint(width, height, chance), { raw: { width, height, channels: 3 } });
  const isTurned = plan.extension === "jpg" && plan.index % 5 === 3;
  if (isTurned) picture.withMetadata({ orientation: [3, 6, 8][Math.floor(chance() * 3)] ?? 6 });
  const temporary = `${plan.path}.part`;
  try {
    await picture.toFormat(plan.extension === "jpg" ? "jpeg" : plan.extension, { quality: 88 }).toFile(temporary);
    await rename(temporary, plan.path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Raw RGB: a sky-like gradient, coloured discs with sharp edges, and grain over all of it. */
async function paint(width: number, height: number, chance: () => number): Promise<Buffer> {
  const [top, bottom] = [colour(chance), colour(chance)];
  const discs = Array.from({ length: 24 }, () => {
    const radius = (0.02 + 0.12 * chance() ** 2) * Math.min(width, height);
    return `<circle cx="${chance() * width}" cy="${chance() * height}" r="${radius}" fill="rgb(${colour(chance)})" opacity="${0.4 + 0.6 * chance()}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="g" x1="0" y1="0" x2="${chance()}" y2="1"><stop offset="0" stop-color="rgb(${top})"/><stop offset="1" stop-color="rgb(${bottom})"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/>${discs.join("")}</svg>`;
  const pixels = await sharp(Buffer.from(svg)).removeAlpha().toColourspace("srgb").raw().toBuffer();
  const grain = Int8Array.from({ length: 65_521 }, () => Math.round((chance() + chance() + chance() - 1.5) * 12));
  for (let at = 0; at < pixels.length; at++) {
    const value = (pixels[at] ?? 0) + (grain[at % grain.length] ?? 0);
    pixels[at] = Math.max(0, Math.min(255, value));
  }
  return pixels;
}

function colour(chance: () => number): string {
  return [chance(), chance(), chance()].map((share) => Math.round(share * 255)).join(",");
}

/** A small seeded generator (mulberry32): from 0 up to, not including, 1. */
function chanceFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
