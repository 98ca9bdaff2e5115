import { z } from "zod";
import { idSchema, timeSchema } from "./page.ts";

export const uploadSchema = z
  .object({
    fileId: idSchema,
    filename: z.string().describe("As it was sent, cleaned: the last part of a path, in one line, at most 255 bytes"),
    size: z.int().describe("Bytes"),
    type: z.string().describe("By content, never by name: `image/jpeg`"),
  })
  .meta({ id: "Upload", description: "A file that was sent in; it is kept until nothing uses it any more" });

/** A file that was sent in. */
export type WireUpload = z.infer<typeof uploadSchema>;

/** The answer to an upload: all files of the form, in its order, safe on the disk. */
export const uploadedSchema = z.object({ files: z.array(uploadSchema) });
/** The files of one request. */
export type WireUploaded = z.infer<typeof uploadedSchema>;

/** What a session has uploaded, the oldest first. */
export const uploadsSchema = z.object({ files: z.array(uploadSchema.extend({ uploadedAt: timeSchema })) });
/** What a session has uploaded. */
export type WireUploads = z.infer<typeof uploadsSchema>;
