import { join } from "node:path";
import { z } from "zod";
import type { Json } from "../../core/json.ts";
import type { NewItem } from "../../engine/submit.ts";
import type { FileType, MadeFile, UploadedFile, UploadFacet } from "../uploads.ts";
import { extensionOf, type SourceFormat, sniffImage, targetOf } from "./image-format.ts";
import { IMAGE_FITS, IMAGE_FORMATS, IMAGE_LIMITS, toImageOptions } from "./image-options.ts";
import { IMAGE_STAGES } from "./images-pipeline.ts";

const TYPES: Readonly<Record<SourceFormat, FileType>> = {
  jpeg: { type: "image/jpeg", extension: "jpg" },
  png: { type: "image/png", extension: "png" },
  webp: { type: "image/webp", extension: "webp" },
  avif: { type: "image/avif", extension: "avif" },
  gif: { type: "image/gif", extension: "gif" },
  tiff: { type: "image/tiff", extension: "tif" },
};

const side = z.int().min(1).max(IMAGE_LIMITS.side).nullable().optional();

/** What may be asked of images that were uploaded: `ImageOptions` without any path. */
const uploadOptionsSchema = z.strictObject({
  width: side.describe("Pixels; left out: follows the other side, or stays"),
  height: side,
  fit: z.enum(IMAGE_FITS).optional().describe("How width and height are met if both are given; default inside"),
  withoutEnlargement: z.boolean().optional().describe("Default true: smaller images stay as they are"),
  format: z.enum(IMAGE_FORMATS).optional().describe("Default keep; GIF and TIFF then become PNG"),
  quality: z.int().min(1).max(100).nullable().optional().describe("Default: the encoder's own"),
});

type UploadOptions = z.infer<typeof uploadOptionsSchema>;

/** Images as strangers may send them in: told by content, written under the file's id. SVG is never taken. */
export const imageUploads: UploadFacet<UploadOptions> = {
  pipeline: "images",
  types: Object.values(TYPES).map(({ type }) => type),
  stages: IMAGE_STAGES.map(({ name }) => name),
  accepts(head: Uint8Array): FileType | null {
    const format = sniffImage(head);
    return format === null ? null : TYPES[format];
  },
  options: uploadOptionsSchema,
  toBatchOptions: (options, outFolder): Json => toImageOptions({ ...options, out: outFolder }),
  toItem(file: UploadedFile, options: Json): Exclude<NewItem, string> {
    const { format, out } = toImageOptions(options);
    const source = formatOf(file.extension);
    const output = join(out, `${file.fileId}.${extensionOf(targetOf(format, source))}`);
    const input = { source: file.path, output, filename: file.filename };
    return { key: file.fileId, input, size: file.size, kind: source };
  },
  toMadeFile(output: Json): MadeFile | null {
    if (typeof output !== "object" || output === null || !("path" in output) || !("format" in output)) return null;
    const { path, format } = output;
    if (typeof path !== "string") return null;
    const known = Object.entries(TYPES).find(([name]) => name === format)?.[1];
    return known === undefined ? null : { path, ...known };
  },
};

function formatOf(extension: string): SourceFormat {
  const found = (Object.keys(TYPES) as SourceFormat[]).find((format) => TYPES[format].extension === extension);
  if (found === undefined) throw new Error(`no image has the extension ${extension}`);
  return found;
}
