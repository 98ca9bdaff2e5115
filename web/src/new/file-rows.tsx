import type { JSX } from "react";
import { useVersion } from "../live/observable.ts";
import { ProblemWords } from "../parts/notice.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import { showBytes, showCount } from "../words/shown.ts";
import type { UploadRow, UploadStore } from "./upload-store.ts";

/** Rows that are drawn; those that need somebody are the first of all. */
const ROWS_MAX = 200;

const STATE_WORDS: Readonly<Record<UploadRow["state"], string>> = {
  waiting: "",
  sending: "sending",
  sent: "sent",
  refused: "refused",
  broken: "not sent",
};

/** The files that are to be sent, each with how far it is or why it was not taken. */
export function FileRows(props: { readonly store: UploadStore }): JSX.Element | null {
  const { store } = props;
  useVersion(store);
  const { rows } = store;
  if (rows.length === 0) return null;
  return (
    <>
      <ul className="file-rows" aria-label="Files">
        {rows.slice(0, ROWS_MAX).map((row) => (
          <FileRow key={row.id} row={row} onRemove={() => store.remove(row.id)} />
        ))}
      </ul>
      {rows.length > ROWS_MAX && <p className="note">and {showCount(rows.length - ROWS_MAX)} more</p>}
    </>
  );
}

function FileRow(props: { readonly row: UploadRow; readonly onRemove: () => void }): JSX.Element {
  const { file, state, sent, problem } = props.row;
  return (
    <li className={state}>
      <span className="file-name" title={file.name} dir="auto">
        {file.name}
      </span>
      <span className="file-state">
        {STATE_WORDS[state]} {showBytes(file.size)}
      </span>
      <button type="button" className="quiet close" aria-label={`Remove ${file.name}`} onClick={props.onRemove}>
        ×
      </button>
      {state === "sending" && (
        <ItemBar fraction={file.size === 0 ? 0 : sent / file.size} label={`Sent of ${file.name}`} />
      )}
      {problem !== null && (
        <div className="error-text">
          <ProblemWords problem={problem} />
        </div>
      )}
    </li>
  );
}

/** How much of all of it is sent, and the way to end that. */
export function SendProgress(props: { readonly store: UploadStore }): JSX.Element {
  const { store } = props;
  useVersion(store);
  const { sent, total } = store.bytes;
  return (
    <div className="send-progress">
      <ItemBar fraction={total === 0 ? 1 : sent / total} label="Sent of all files" />
      <p>
        {showBytes(sent)} of {showBytes(total)} sent
      </p>
      <button type="button" onClick={() => store.cancel()}>
        Cancel
      </button>
    </div>
  );
}
