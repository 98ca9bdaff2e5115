import { documentUploads } from "../../pipelines/documents/document-uploads.ts";
import { documentsAcceptedSchema, type WireDocumentsAccepted } from "../../wire/document.ts";
import type { App, ServerContext } from "../context.ts";
import type { StoredUpload } from "../files/uploads.ts";
import { Reception } from "../reception.ts";
import { submitUploads } from "./process-batch.ts";

/** Documents that are sent in and stored by one request. */
export function documentUploadRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { files, reception } = context;
  return async (app) => {
    Reception.readsForms(app);
    app.post(
      "/api/documents",
      {
        schema: {
          summary: "Send documents in and have them stored in one's index",
          description:
            "A form (`multipart/form-data`) with PDF, DOCX, HTML, Markdown or text in fields named `files`: all of them are taken or none. " +
            "What is in the index already is answered with what is there. Begins a session for whoever has none.",
          tags: ["documents"],
          consumes: ["multipart/form-data"],
          response: { 202: documentsAcceptedSchema },
        },
      },
      async (request, reply) => {
        const { owner, uploads } = await reception.receive(request, reply, documentUploads);
        const fileIds = uploads.map(({ fileId }) => fileId);
        try {
          const { batchId } = await submitUploads(
            context,
            owner,
            { fileIds, pipeline: documentUploads.pipeline },
            null,
          );
          const documents = toAccepted(uploads);
          const [first, ...others] = documents;
          const single = first === undefined || others.length > 0 ? null : `/api/documents/${first.docId}`;
          return await reply
            .status(202)
            .header("location", single ?? `/api/batch-status/${batchId}`)
            .header("cache-control", "no-store")
            .send({ batchId, documents });
        } finally {
          // The batch has what it needs, under names of its own; nobody knows these.
          for (const fileId of fileIds) await files.uploads.remove(fileId, owner);
        }
      },
    );
  };
}

function toAccepted(uploads: readonly StoredUpload[]): WireDocumentsAccepted["documents"] {
  const seen = new Set<string>();
  return uploads.map(({ sha256, filename }) => ({
    docId: sha256,
    filename,
    verdict: seen.size === seen.add(sha256).size ? "duplicate" : "added",
  }));
}
