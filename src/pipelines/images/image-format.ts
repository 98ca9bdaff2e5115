/** The formats that are read, told by content, never by name. SVG is not one of them: it is a program, not a picture. */
export type SourceFormat = "jpeg" | "png" | "webp" | "avif" | "gif" | "tiff";

/** The formats that are written. */
export type TargetFormat = "jpeg" | "png" | "webp" | "avif";

/** Bytes of a file's beginning that `sniffImage` looks at. */
const MAGIC_BYTES = 64;

const EXTENSIONS: Readonly<Record<TargetFormat, string>> = { jpeg: "jpg", png: "png", webp: "webp", avif: "avif" };

/** The extension, without its dot, that files of a format are given. */
export function extensionOf(format: TargetFormat): string {
  return EXTENSIONS[format];
}

/** The format to write: what was asked for, or with `keep` the source's own; GIF and TIFF then become PNG. */
export function targetOf(asked: TargetFormat | "keep", source: SourceFormat): TargetFormat {
  if (asked !== "keep") return asked;
  return source === "gif" || source === "tiff" ? "png" : source;
}

/** Tells the format from the magic bytes at the beginning of a file; null for anything that is not read. */
export function sniffImage(head: Uint8Array): SourceFormat | null {
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return "jpeg";
  const text = String.fromCharCode(...head.subarray(0, MAGIC_BYTES));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("RIFF") && text.startsWith("WEBP", 8)) return "webp";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "gif";
  // Classic and big TIFF, in either byte order.
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].some((magic) => text.startsWith(magic))) return "tiff";
  if (text.startsWith("ftyp", 4) && brandsOf(head, text).some((brand) => brand === "avif" || brand === "avis")) {
    return "avif";
  }
  return null;
}

/** The major and the compatible brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`), as far as they are in the head. */
function brandsOf(head: Uint8Array, text: string): readonly string[] {
  const boxBytes = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= Math.min(boxBytes, text.length); at += 4) brands.push(text.slice(at, at + 4));
  return brands;
}
