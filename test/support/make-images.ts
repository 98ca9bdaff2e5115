import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";

export { makeImages } from "../../examples/make-images.ts";

/** A small picture that is not symmetric: left half red, right half blue, 64 × 48. */
export function smallPicture(): Sharp {
  const pixels = Buffer.alloc(64 * 48 * 3);
  for (let at = 0; at < 64 * 48; at++) pixels[at * 3 + (at % 64 < 32 ? 0 : 2)] = 230;
  return sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } });
}

/** Files that must fail, by name, with the code they must fail with. */
export const BAD_IMAGES = {
  "truncated.jpg": "INVALID_IMAGE",
  "wrong-crc.png": "INVALID_IMAGE",
  "truncated.png": "INVALID_IMAGE",
  "magic-only.jpg": "INVALID_IMAGE",
  "empty.jpg": "INVALID_IMAGE",
  "text.png": "UNSUPPORTED_IMAGE",
  "svg.png": "UNSUPPORTED_IMAGE",
  "elf.png": "UNSUPPORTED_IMAGE",
  "bomb.webp": "IMAGE_TOO_LARGE",
  "bomb.png": "IMAGE_TOO_LARGE",
  "long.png": "IMAGE_TOO_LARGE",
} as const;

/** Files that are odd and must be converted all the same. */
export const ODD_IMAGES = [
  "cmyk.jpg",
  "exif-1.jpg",
  "exif-3.jpg",
  "exif-6.jpg",
  "exif-8.jpg",
  "exif-99.jpg",
  "gps.jpg",
  "deep.png",
  "one-bit.png",
  "animated.gif",
  "animated.webp",
  "picture.tif",
  "picture.avif",
  "png-inside.jpg",
] as const;

/** Writes all of `BAD_IMAGES` and `ODD_IMAGES` into `directory`. */
export async function makeOddImages(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const put = (name: string, data: Uint8Array | string): Promise<void> => writeFile(join(directory, name), data);
  const jpeg = await smallPicture().jpeg().toBuffer();
  const png = await smallPicture().png().toBuffer();

  await put("truncated.jpg", jpeg.subarray(0, Math.floor(jpeg.length * 0.6)));
  await put("truncated.png", png.subarray(0, png.length - 30));
  await put("wrong-crc.png", withWrongCrc(png));
  await put("magic-only.jpg", jpeg.subarray(0, 4));
  await put("empty.jpg", "");
  await put("text.png", "this is no picture\n");
  await put(
    "svg.png",
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
  );
  await put("elf.png", Buffer.from("7f454c4602010100", "hex"));
  await put("bomb.webp", webpOf(16_383, 16_383));
  await put("bomb.png", withPngSize(png, 60_000, 60_000));
  await put("long.png", withPngSize(png, 10_001, 10));

  for (const orientation of [1, 3, 6, 8]) {
    await put(`exif-${orientation}.jpg`, await smallPicture().withMetadata({ orientation }).jpeg().toBuffer());
  }
  await put("exif-99.jpg", withOrientation(await readFile(join(directory, "exif-6.jpg")), 6, 99));
  const gps = { IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" } };
  await put("gps.jpg", await smallPicture().withExif(gps).jpeg().toBuffer());
  await put("cmyk.jpg", await smallPicture().toColourspace("cmyk").jpeg().toBuffer());
  await put("deep.png", await smallPicture().toColourspace("rgb16").png().toBuffer());
  await put("one-bit.png", await smallPicture().png({ palette: true, colours: 2 }).toBuffer());
  const frames = [await smallPicture().png().toBuffer(), await smallPicture().negate().png().toBuffer()];
  await put(
    "animated.gif",
    await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer(),
  );
  await put(
    "animated.webp",
    await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer(),
  );
  await put("picture.tif", await smallPicture().tiff().toBuffer());
  await put("picture.avif", await smallPicture().avif().toBuffer());
  await put("png-inside.jpg", png);
}

function withWrongCrc(png: Buffer): Buffer {
  const copy = Buffer.from(png);
  const at = copy.indexOf("IDAT") - 4;
  const end = at + 8 + copy.readUInt32BE(at);
  copy.writeUInt32BE((copy.readUInt32BE(end) ^ 0xffff) >>> 0, end);
  return copy;
}

/** The same file with another size in its header, its checksum right. */
function withPngSize(png: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(png);
  copy.writeUInt32BE(width, 16);
  copy.writeUInt32BE(height, 20);
  copy.writeUInt32BE(crc32(copy.subarray(12, 29)), 29);
  return copy;
}

/** 36 bytes that claim to be a lossless WebP of any size. */
function webpOf(width: number, height: number): Buffer {
  const file = Buffer.alloc(36);
  file.write("RIFF", 0);
  file.writeUInt32LE(28, 4);
  file.write("WEBPVP8L", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt8(0x2f, 20);
  file.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  return file;
}

/** Replaces the value of the EXIF tag 0x0112, in either byte order. */
function withOrientation(jpeg: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.from(jpeg);
  const little = copy.indexOf(Buffer.from([0x12, 0x01, 3, 0, 1, 0, 0, 0, from, 0]));
  if (little >= 0) copy.writeUInt16LE(to, little + 8);
  else copy.writeUInt16BE(to, copy.indexOf(Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, from])) + 8);
  return copy;
}
