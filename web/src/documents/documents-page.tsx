import { type JSX, useEffect } from "react";
import { DOCUMENTS, type DocumentsView, NEW } from "../address/address.ts";
import { go, ViewLink } from "../address/navigation.tsx";
import { pacedFrames, useVersion } from "../live/observable.ts";
import { useStarted } from "../live/use-started.ts";
import { FileRows, SendProgress } from "../new/file-rows.tsx";
import { UploadStore } from "../new/upload-store.ts";
import { DropZone } from "../parts/drop-zone.tsx";
import { Empty, Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { showProblem } from "../words/problem.ts";
import { showCount } from "../words/shown.ts";
import { DocumentPanel } from "./document-panel.tsx";
import { DocumentTable } from "./document-table.tsx";
import { HitList } from "./hit-list.tsx";
import { DOCUMENTS_MAX, isActive, LibraryStore } from "./library-store.ts";
import { OwnerChoice, ofOwner } from "./owner-choice.tsx";
import { SearchStore } from "./search-store.ts";

/** The library: what is in it, what is on its way into it, and a search over all of it. */
export function DocumentsPage(props: { readonly view: DocumentsView }): JSX.Element {
  const { session, connection } = usePage();
  const { client } = session;
  const { owner } = props.view;
  const of = ofOwner(props.view);
  const library = useStarted(
    () => new LibraryStore({ client, of, schedule: pacedFrames(), onConnection: connection.set }),
    [client, connection, owner],
  );
  const search = useStarted(() => new SearchStore({ client, of, schedule: pacedFrames() }), [client, owner]);
  const uploads = useStarted(() => new UploadStore({ client, schedule: pacedFrames() }), [client]);
  useEffect(() => {
    document.title = "Documents · Milepost";
  }, []);
  return (
    <>
      <h1 className="hidden">Documents</h1>
      {library !== null && search !== null && uploads !== null && (
        <Library view={props.view} library={library} search={search} uploads={uploads} />
      )}
    </>
  );
}

interface Stores {
  readonly library: LibraryStore;
  readonly search: SearchStore;
  readonly uploads: UploadStore;
}

function Library(props: Stores & { readonly view: DocumentsView }): JSX.Element {
  const { view, library, search, uploads } = props;
  useVersion(library);
  useVersion(search);
  useEffect(() => search.want(view.search), [search, view.search]);
  const isSearching = view.search.trim() !== "";
  // What is dropped is the caller's own.
  const isOwn = view.owner === null || view.owner === "";
  const opened = library.documents.find(({ docId }) => docId === view.docId) ?? null;
  return (
    <>
      <search className="toolbar library-search">
        <input
          type="search"
          aria-label="Search in documents"
          placeholder="Search by words, or a whole sentence"
          value={view.search}
          onChange={({ target }) => go({ ...view, search: target.value, docId: null }, { replace: true })}
        />
        <OwnerChoice view={view} />
        <output className="shown-count">{isSearching && foundWords(search, view)}</output>
      </search>
      {!isSearching && isOwn && <AddDocuments library={library} uploads={uploads} />}
      {library.problem !== null && <Problem problem={library.problem} />}
      {search.problem !== null && <Problem problem={search.problem} />}
      {isSearching ? <Hits view={view} search={search} /> : <Listed view={view} library={library} />}
      {view.docId !== null && library.isLoaded && (
        <DocumentPanel
          docId={view.docId}
          of={ofOwner(view)}
          document={opened}
          number={view.number}
          onNumber={(number) => go({ ...view, number }, { replace: true })}
          onClose={() => go({ ...view, docId: null, number: 1 }, { replace: true })}
        />
      )}
    </>
  );
}

function foundWords({ query, hits }: SearchStore, view: DocumentsView): string {
  if (query !== view.search.trim()) return "Searching …";
  return `${showCount(hits.length)} ${hits.length === 1 ? "place" : "places"}`;
}

/** What is dropped is sent at once: documents need no choices. */
function AddDocuments(props: Pick<Stores, "library" | "uploads">): JSX.Element {
  const { library, uploads } = props;
  const { announcer } = usePage();
  useVersion(uploads);
  const send = async (): Promise<void> => {
    if (uploads.isSending) return;
    const batchId = await uploads.send({ pipeline: "documents" });
    if (batchId === null) return;
    uploads.clear();
    announcer.say("The documents are sent.");
    library.start();
  };
  const isStuck = !uploads.isSending && uploads.rows.length > 0;
  return (
    <section className="add-documents" aria-label="Add documents">
      <DropZone
        isSmall
        onFiles={(files) => {
          uploads.add(files);
          void send();
        }}
      >
        or drop PDF, DOCX, HTML, Markdown or text here.{" "}
      </DropZone>
      <FileRows store={uploads} />
      {uploads.isSending && <SendProgress store={uploads} />}
      {uploads.problem !== null && <Problem problem={showProblem(uploads.problem)} />}
      {isStuck && (
        <div className="buttons">
          <button type="button" className="main" onClick={() => void send()}>
            {uploads.rows.some(({ state }) => state === "refused") ? "Go on without what was refused" : "Send again"}
          </button>
          <button type="button" onClick={() => uploads.clear()}>
            Discard
          </button>
        </div>
      )}
    </section>
  );
}

function Hits(props: { readonly view: DocumentsView; readonly search: SearchStore }): JSX.Element | null {
  const { view, search } = props;
  const { session } = usePage();
  if (search.query === "") return null;
  if (search.hits.length > 0) return <HitList view={view} hits={search.hits} query={search.query} />;
  if (search.problem !== null) return null;
  return (
    <Empty title="Nothing was found">
      <p>
        {session.isOperator && view.owner === null && "Only the operator's own documents were searched. "}
        Documents are found as soon as they are stored whole.{" "}
        <ViewLink to={{ ...DOCUMENTS, owner: view.owner }}>Show all documents</ViewLink>
      </p>
    </Empty>
  );
}

function Listed(props: { readonly view: DocumentsView; readonly library: LibraryStore }): JSX.Element | null {
  const { view, library } = props;
  const { documents } = library;
  if (documents.length > 0) {
    const active = documents.filter(isActive).length;
    return (
      <section aria-label="Documents">
        <p className="list-head">
          {active > 0 && <b>{showCount(active)} under way · </b>}
          {showCount(documents.length)}
          {documents.length >= DOCUMENTS_MAX ? "+" : ""} {documents.length === 1 ? "document" : "documents"}
        </p>
        <DocumentTable view={view} documents={documents} />
        {documents.length >= DOCUMENTS_MAX && (
          <p className="note">These are the most recent. The search finds the others.</p>
        )}
      </section>
    );
  }
  if (!library.isLoaded || library.problem !== null) return null;
  if (view.owner !== null && view.owner !== "") {
    return (
      <Empty title="This owner has no documents">
        <ViewLink to={DOCUMENTS}>Show everybody's</ViewLink>
      </Empty>
    );
  }
  return (
    <Empty title="There are no documents yet">
      <p>
        Drop some above, or send them with options as{" "}
        <ViewLink to={{ ...NEW, pipeline: "documents" }}>new work</ViewLink>. They can be searched as soon as they are
        stored.
      </p>
    </Empty>
  );
}
