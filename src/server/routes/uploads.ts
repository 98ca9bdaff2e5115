import { z } from "zod";
import { idSchema } from "../../wire/page.ts";
import { uploadedSchema, uploadsSchema } from "../../wire/uploads.ts";
import type { App, ServerContext } from "../context.ts";
import type { StoredUpload } from "../files/uploads.ts";
import { refusal } from "../problems.ts";
import { Reception } from "../reception.ts";

/** Files on their way in and what one may do with them before a batch is made of them. */
export function uploadRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { callers, files, reception } = context;
  return async (app) => {
    Reception.readsForms(app);
    app.post(
      "/api/uploads",
      {
        schema: {
          summary: "Send files in",
          description:
            "A form (`multipart/form-data`) with one or more files in fields named `files`. All of them are taken or none. " +
            "Begins a session for whoever has none.",
          tags: ["uploads"],
          consumes: ["multipart/form-data"],
          response: { 201: uploadedSchema },
        },
      },
      async (request, reply) => {
        const { uploads } = await reception.receive(request, reply);
        return reply
          .status(201)
          .header("cache-control", "no-store")
          .send({ files: uploads.map(toWireUpload) });
      },
    );

    app.get(
      "/api/uploads",
      { schema: { summary: "List one's own uploads", tags: ["uploads"], response: { 200: uploadsSchema } } },
      async (request, reply) => {
        const owner = callers.ownerOf(request);
        const own = owner === null ? [] : await files.uploads.list(owner);
        reply.header("cache-control", "no-store");
        return {
          files: own.map((upload) => ({
            ...toWireUpload(upload),
            uploadedAt: new Date(upload.uploadedAt).toISOString(),
          })),
        };
      },
    );

    app.delete(
      "/api/uploads/:fileId",
      {
        schema: {
          summary: "Remove an upload",
          description: "Batches that were made of it keep what they need.",
          tags: ["uploads"],
          params: z.object({ fileId: idSchema }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const owner = callers.ownerOf(request);
        const isRemoved = owner !== null && (await files.uploads.remove(request.params.fileId, owner));
        if (!isRemoved) throw refusal("not-found", "there is no such file");
        return reply.status(204).send(null);
      },
    );
  };
}

function toWireUpload({ fileId, filename, size, type }: StoredUpload) {
  return { fileId, filename, size, type };
}
