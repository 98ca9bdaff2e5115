import { useState, useSyncExternalStore } from "react";
import { Photos, sendPhotos } from "./photos.tsx";
import { Progress } from "./progress.tsx";

/** The batch is in the address, so that a reload goes on with it. */
function useBatchIdOfAddress(): string {
  return useSyncExternalStore(onAddress, () => location.hash.slice(1));
}

function onAddress(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

/** Photos are sent in and watched to the end. */
export function App() {
  const batchId = useBatchIdOfAddress();
  const [message, setMessage] = useState("");

  const send = async (files: readonly File[]): Promise<void> => {
    try {
      location.hash = await sendPhotos(files, (percent) => setMessage(`sending: ${percent}%`));
      setMessage("");
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <main>
      <h1>Photos</h1>
      {batchId === "" ? (
        <label>
          Photos to make small{" "}
          <input
            type="file"
            multiple
            accept="image/*"
            onChange={(event) => void send([...(event.currentTarget.files ?? [])])}
          />
        </label>
      ) : (
        <>
          <Progress batchId={batchId} />
          <Photos batchId={batchId} />
          <button
            type="button"
            onClick={() => {
              location.hash = "";
            }}
          >
            Close
          </button>
        </>
      )}
      <p role="status">{message}</p>
    </main>
  );
}
