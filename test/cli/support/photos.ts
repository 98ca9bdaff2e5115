import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

/** Writes small real JPEG files `p00.jpg`, `p01.jpg` …; `side` decides how long each one takes. Returns their paths. */
export async function makePhotos(folder: string, count: number, side = 48): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (let number = 0; number < count; number++) {
    const path = join(folder, `p${String(number).padStart(2, "0")}.jpg`);
    const background = { r: (number * 37) % 256, g: 90, b: 160 };
    const noise = { type: "gaussian" as const, mean: 128, sigma: 30 };
    await sharp({ create: { width: side, height: side, channels: 3, background, noise } })
      .jpeg()
      .toFile(path);
    paths.push(path);
  }
  return paths;
}
