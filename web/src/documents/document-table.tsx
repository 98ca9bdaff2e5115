import { type JSX, memo } from "react";
import type { WireDocument } from "../../../src/wire/document.ts";
import type { DocumentsView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Badge } from "../parts/badge.tsx";
import { Age } from "../parts/clock.tsx";
import { ItemBar } from "../parts/segment-bar.tsx";
import { documentState, documentStatusWords, documentTimeWords, pagesWords } from "../words/document-words.ts";
import { isActive } from "./library-store.ts";

/** Documents with where they stand. */
export function DocumentTable(props: {
  readonly view: DocumentsView;
  readonly documents: readonly WireDocument[];
}): JSX.Element {
  return (
    <ul className="table documents">
      {props.documents.map((document) => (
        <DocumentRow key={document.docId} view={props.view} document={document} />
      ))}
    </ul>
  );
}

const DocumentRow = memo(function DocumentRow(props: {
  readonly view: DocumentsView;
  readonly document: WireDocument;
}): JSX.Element {
  const { view, document } = props;
  const { docId, filename, progress, error } = document;
  const words = [pagesWords(document), documentTimeWords(document)].filter((text) => text !== "").join(" · ");
  return (
    <li className="row">
      <div className="name">
        <ViewLink to={{ ...view, docId, number: 1 }} title={filename} isName>
          {filename}
        </ViewLink>
      </div>
      <div className="status">
        <Badge state={documentState(document)} words={documentStatusWords(document)} />
      </div>
      <div className="progress">
        {isActive(document) ? <ItemBar fraction={progress} label={`Progress of ${filename}`} /> : null}
        <span className={error === null ? "under" : "under error-text"} title={error ?? words}>
          {error ?? words}
        </span>
      </div>
      <div className="age">
        <Age time={document.startedAt} />
      </div>
    </li>
  );
});
