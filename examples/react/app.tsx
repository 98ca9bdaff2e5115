import { useState } from "react";
import { Photos, sendPhotos } from "./photos.tsx";
import { Progress } from "./progress.tsx";

/** Photos are sent in and watched to the end. The batch is in the address, so that a reload goes on with it. */
export function App() {
  const [batchId, setBatchId] = useState(() => location.hash.slice(1));
  const [message, setMessage] = useState("");

  const send = async (files: readonly File[]): Promise<void> => {
    try {
      const id = await sendPhotos(files, (percent) => setMessage(`sending: ${percent}%`));
      history.replaceState(null, "", `#${id}`);
      setBatchId(id);
      setMessage("");
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
  };
  const close = (): void => {
    history.replaceState(null, "", location.pathname);
    setBatchId("");
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
          <button type="button" onClick={close}>
            Close
          </button>
        </>
      )}
      <p role="status">{message}</p>
    </main>
  );
}
