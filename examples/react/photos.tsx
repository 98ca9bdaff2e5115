import { useBatch, useItems } from "milepost/react";
import { client } from "./progress.tsx";

/** Sends photos in and has them made small. @returns the batch's id */
export async function sendPhotos(files: readonly File[], onProgress: (percent: number) => void): Promise<string> {
  const { files: sent } = await client.upload(files, {
    onProgress: (bytes, total) => onProgress(Math.floor((100 * bytes) / total)),
  });
  const fileIds = sent.map(({ fileId }) => fileId);
  return (await client.processBatch({ fileIds, options: { width: 800, format: "webp" } })).batchId;
}

/** Each photo with its state, and at the end what was made of them. */
export function Photos({ batchId }: { batchId: string }) {
  const { state } = useBatch(client, batchId);
  const { items, hasMore, isLoading, loadMore } = useItems(client, batchId, { limit: 20 });
  return (
    <>
      <ul>
        {items.map(({ id, name, state, error }) => (
          <li key={id}>
            {name}: {state} {error?.message}
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" disabled={isLoading} onClick={() => void loadMore()}>
          More
        </button>
      )}
      {state === "ended" && <a href={`/api/batches/${batchId}/outputs.zip`}>Download</a>}
    </>
  );
}
