import type { JSX } from "react";
import type { OfOwner } from "../../../src/client/client.ts";
import type { WireDocument } from "../../../src/wire/document.ts";
import { Badge } from "../parts/badge.tsx";
import { Age } from "../parts/clock.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import { documentState, documentStatusWords, documentTimeWords, pagesWords } from "../words/document-words.ts";
import { isActive } from "./library-store.ts";
import { PageViewer } from "./page-viewer.tsx";

/** One document: its pages, and where it stands as long as that is known. */
export function DocumentPanel(props: {
  readonly docId: string;
  /** Whose index it is in. */
  readonly of: OfOwner;
  /** Null: only what is in the index is known of it. */
  readonly document: WireDocument | null;
  readonly number: number;
  readonly onNumber: (number: number) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { docId, of, document, number, onNumber, onClose } = props;
  const hasPages = document === null || (document.status === "completed" && document.totalPages !== null);
  return (
    <Dialog title="Document" className="drawer" onClose={onClose}>
      <div className="item">
        {document !== null && <Facts document={document} />}
        {hasPages && (
          <PageViewer docId={docId} of={of} count={document?.totalPages ?? null} number={number} onNumber={onNumber} />
        )}
      </div>
    </Dialog>
  );
}

function Facts(props: { readonly document: WireDocument }): JSX.Element {
  const { document } = props;
  const { filename, error, progress, startedAt } = document;
  const facts: readonly (readonly [string, JSX.Element | string])[] = [
    ["Sent", <Age key="" time={startedAt} />],
    ["Pages", pagesWords(document)],
    ["Time", documentTimeWords(document)],
  ];
  return (
    <>
      <h3 className="item-name" dir="auto">
        {filename}
      </h3>
      <div className="standing">
        <p>
          <Badge state={documentState(document)} words={documentStatusWords(document)} />
        </p>
        {isActive(document) && <ItemBar fraction={progress} label={`Progress of ${filename}`} />}
        {error !== null && <p className="error-text">{error}</p>}
      </div>
      <dl className="facts">
        {facts
          .filter(([, value]) => value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}
