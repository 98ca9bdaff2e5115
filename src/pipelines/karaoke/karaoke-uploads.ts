import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { z } from "zod";
import { MilepostError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { NewItem } from "../../engine/submit.ts";
import { imageUploads } from "../images/image-uploads.ts";
import type { FileType, MadeFile, StoredFile, UploadFacet } from "../uploads.ts";
import { KARAOKE_STAGES, toKaraokeOptions } from "./karaoke-pipeline.ts";
import { type Container, sniffContainer } from "./media/container.ts";
import { BUILT_IN_PRESETS } from "./presets.ts";
import type { VideoInput } from "./video-input.ts";

const JSON_TYPE: FileType = { type: "application/json", extension: "json" };
const LRC_TYPE: FileType = { type: "text/x-lrc", extension: "lrc" };
const ASS_TYPE: FileType = { type: "text/x-ssa", extension: "ass" };
const MEDIA_TYPES: Readonly<Record<Container, FileType>> = {
  mp4: { type: "video/mp4", extension: "mp4" },
  webm: { type: "video/webm", extension: "webm" },
  mp3: { type: "audio/mpeg", extension: "mp3" },
  wav: { type: "audio/wav", extension: "wav" },
  ogg: { type: "audio/ogg", extension: "ogg" },
  adts: { type: "audio/aac", extension: "aac" },
};
const M4A_TYPE: FileType = { type: "audio/mp4", extension: "m4a" };
const TYPES = [JSON_TYPE, LRC_TYPE, ASS_TYPE, ...Object.values(MEDIA_TYPES), M4A_TYPE];

/** A larger JSON is not looked into: it is lyrics, if anything. */
const PROJECT_BYTES_MAX = 1_048_576;

const uploadOptionsSchema = z.strictObject({
  preset: z
    .enum([...BUILT_IN_PRESETS.keys()])
    .optional()
    .describe("Size, rate and letters; counts before the project's own"),
});

type UploadOptions = z.infer<typeof uploadOptionsSchema>;

/**
 * Karaoke projects as strangers may send them in, with the files that they are made of: a batch has an item for each project
 * among its files. A project names a file by the name that it was uploaded under, folders in front of it left out; no other
 * file is ever read.
 */
export const karaokeUploads: UploadFacet<UploadOptions> = {
  pipeline: "karaoke",
  types: [...TYPES.map(({ type }) => type), ...imageUploads.types],
  stages: KARAOKE_STAGES.map(({ name }) => name),
  accepts(head: Uint8Array, filename: string): FileType | null {
    const extension = extname(filename).toLowerCase();
    const container = sniffContainer(head);
    if (container !== null) return container === "mp4" && extension === ".m4a" ? M4A_TYPE : MEDIA_TYPES[container];
    return textTypeOf(head, extension);
  },
  options: uploadOptionsSchema,
  toBatchOptions: ({ preset }, outFolder): Json => toKaraokeOptions({ preset, out: outFolder, isConfined: true }),
  toItem: (file, options) => itemOf(file, options, new Map()),
  async toItems(files, options) {
    const names = new Map(files.map(({ filename, path }) => [filename, basename(path)]));
    const items = new Map<string, Exclude<NewItem, string>>();
    for (const file of files) if (await isProject(file)) items.set(file.fileId, itemOf(file, options, names));
    const [first] = items.keys();
    if (first === undefined) {
      throw new MilepostError("INVALID_ARGUMENT", "one of the files must be a project: JSON with the field lyrics");
    }
    // What projects are made of stays as long as the first of them.
    const keys = new Map(files.map(({ fileId }) => [fileId, items.has(fileId) ? fileId : first]));
    return { items: [...items.values()], keys };
  },
  toMadeFile(output: Json): MadeFile | null {
    if (typeof output !== "object" || output === null || !("path" in output) || !("frames" in output)) return null;
    return typeof output.path === "string" ? { path: output.path, ...MEDIA_TYPES.mp4 } : null;
  },
};

/** Text is told by its name and by how it begins; UTF-16 too. */
function textTypeOf(head: Uint8Array, extension: string): FileType | null {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
    .toString("latin1")
    .replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, "")
    .replaceAll("\0", "")
    .trimStart();
  if (extension === ".json" && text.startsWith("{")) return JSON_TYPE;
  if (extension === ".lrc" && text.includes("[")) return LRC_TYPE;
  return extension === ".ass" && /^(?:[;!][^\n]*\n\s*)*\[/.test(text) ? ASS_TYPE : null;
}

function itemOf(
  file: Pick<StoredFile, "fileId" | "filename" | "path">,
  options: Json,
  names: ReadonlyMap<string, string>,
): Exclude<NewItem, string> {
  const { out } = toKaraokeOptions(options);
  const input: VideoInput = {
    project: file.path,
    outputPath: join(out ?? "", `${file.fileId}.mp4`),
    baseFolder: dirname(file.path),
    filename: file.filename,
    files: Object.fromEntries(names),
  };
  return { key: file.fileId, input };
}

async function isProject({ extension, size, content }: StoredFile): Promise<boolean> {
  if (extension !== JSON_TYPE.extension || size > PROJECT_BYTES_MAX) return false;
  try {
    const value: unknown = JSON.parse((await readFile(content, "utf8")).replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null && Object.hasOwn(value, "lyrics");
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}
