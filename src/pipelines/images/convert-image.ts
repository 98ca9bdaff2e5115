import type { Sharp as SharpImage } from "sharp";
import type { HeaderSize } from "./header-size.ts";
import { decodeError, imageError } from "./image-errors.ts";
import { type SourceFormat, type TargetFormat, targetOf } from "./image-format.ts";
import { IMAGE_LIMITS, type ImageOptions } from "./image-options.ts";
import type { InputFacts } from "./inspect-input.ts";
import type { Sharp } from "./load-sharp.ts";

/** An image that was found within the limits by its header; no pixel of it was decoded yet. */
export interface OpenedImage {
  readonly image: SharpImage;
  readonly source: SourceFormat;
}

export interface ConvertedImage {
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly format: TargetFormat;
}

/**
 * Refuses an image that is too large, or would be made so, by its header, before anything is decoded. Of an animation only
 * the first frame is read.
 *
 * @throws {NoRetryError} `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `UNSUPPORTED_IMAGE` or `INPUT_MISSING`.
 */
export async function openImage(
  sharp: Sharp,
  input: InputFacts & { readonly path: string },
  options: ImageOptions,
): Promise<OpenedImage> {
  const { path, format } = input;
  const image = sharp(path, { failOn: "warning", limitInputPixels: IMAGE_LIMITS.pixels, autoOrient: true, pages: 1 });
  // Asking sharp opens the file once more, which costs 2 % of the whole conversion: only where the head does not tell.
  const isEnlarged = !options.withoutEnlargement && (options.width !== null || options.height !== null);
  const size = isEnlarged || input.size === null ? await orientedSize(image, format) : input.size;
  assertSize("the image", size);
  if (isEnlarged) assertEnlarged(size, options);
  return { image, source: format };
}

async function orientedSize(image: SharpImage, format: SourceFormat): Promise<HeaderSize> {
  try {
    return (await image.metadata()).autoOrient;
  } catch (error) {
    throw decodeError(error, nameOf(format));
  }
}

/**
 * Decodes, turns upright, resizes and encodes an opened image into `file`. Colours become sRGB with 8 bits; EXIF (GPS,
 * orientation), XMP and colour profiles are left out; transparency becomes white where the format has none.
 *
 * It cannot be interrupted: the work of one image is done to its end on sharp's own threads, writing included.
 *
 * @param writeFile writes what sharp could not, and throws why that cannot be done
 * @throws {NoRetryError} `INVALID_IMAGE`, `IMAGE_TOO_LARGE` or `UNSUPPORTED_IMAGE`.
 */
export async function convertImage(
  opened: OpenedImage,
  options: ImageOptions,
  to: { readonly file: string; readonly writeFile: (data: Uint8Array) => Promise<void> },
): Promise<ConvertedImage> {
  const { source } = opened;
  const format = targetOf(options.format, source);
  const image = conversionOf(opened, format, options);
  const info = await image.toFile(to.file).catch(async () => {
    // sharp does not tell a full disk from a broken image: it is the image, if it cannot be converted in memory either.
    const converted = await image.toBuffer({ resolveWithObject: true }).catch((error: unknown) => {
      throw decodeError(error, nameOf(source));
    });
    await to.writeFile(converted.data);
    return converted.info;
  });
  return { width: info.width, height: info.height, bytes: info.size, format };
}

function conversionOf({ image, source }: OpenedImage, format: TargetFormat, options: ImageOptions): SharpImage {
  const { width, height, fit, withoutEnlargement } = options;
  if (width !== null || height !== null) {
    // Only what is given is parsed, which costs as much as all the rest of this.
    const background = { background: { r: 255, g: 255, b: 255, alpha: format === "jpeg" ? 1 : 0 } };
    image.resize(width, height, { fit, withoutEnlargement, ...(fit === "contain" ? background : {}) });
  }
  if (format === "jpeg" && source !== "jpeg") image.flatten({ background: "white" });
  return image.toFormat(format, options.quality === null || format === "png" ? {} : { quality: options.quality });
}

/** Refuses an enlargement whose result is too large: one small image must not cost gigabytes. */
function assertEnlarged(size: HeaderSize, options: ImageOptions): void {
  const { width, height, fit } = options;
  // With both sides given, every fit but this one stays within them.
  if (width !== null && height !== null && fit !== "outside") return;
  const scale = Math.max((width ?? 0) / size.width, (height ?? 0) / size.height);
  assertSize("the enlarged image", { width: Math.round(size.width * scale), height: Math.round(size.height * scale) });
}

function assertSize(what: string, { width, height }: HeaderSize): void {
  const { side, pixels } = IMAGE_LIMITS;
  if (width <= side && height <= side && width * height <= pixels) return;
  const limit = `${side} pixels a side and ${pixels / 1_000_000} megapixels`;
  throw imageError("IMAGE_TOO_LARGE", `${what} is too large: ${width} × ${height}; the limits are ${limit}`);
}

const FORMAT_NAMES = { jpeg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", gif: "GIF", tiff: "TIFF" } as const;

function nameOf(format: SourceFormat): string {
  return FORMAT_NAMES[format];
}
