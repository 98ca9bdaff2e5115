import { loadSharp } from "../images/load-sharp.ts";
import type { PageImage } from "./embed/embedder.ts";

const QUALITY = 70;

/**
 * A rendered page as a small JPEG.
 * @throws {MilepostError} `MISSING_DEPENDENCY` without the package sharp
 */
export async function toThumbnail({ width, height, rgba }: PageImage): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(rgba, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
