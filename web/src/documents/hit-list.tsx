import type { JSX } from "react";
import type { DocumentsView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Picture } from "../parts/picture.tsx";
import { usePage } from "../session/session-context.tsx";
import { showCount } from "../words/shown.ts";
import { ofOwner } from "./owner-choice.tsx";
import { type Hit, snippetParts } from "./search-store.ts";

/** Places that were found, the best first, each with its page. */
export function HitList(props: {
  readonly view: DocumentsView;
  readonly hits: readonly Hit[];
  readonly query: string;
}): JSX.Element {
  return (
    <ol className="hits" aria-label="Places found">
      {props.hits.map((hit) => (
        <HitRow key={`${hit.docId} ${hit.page}`} view={props.view} hit={hit} query={props.query} />
      ))}
    </ol>
  );
}

function HitRow(props: { readonly view: DocumentsView; readonly hit: Hit; readonly query: string }): JSX.Element {
  const { session } = usePage();
  const { docId, filename, title, page, snippet, thumbnail } = props.hit;
  return (
    <li className="panel hit">
      {thumbnail !== null && page !== null && (
        <Picture
          id={thumbnail}
          alt=""
          read={(options) => session.client.documents.thumbnail(docId, page, { ...ofOwner(props.view), ...options })}
        />
      )}
      <div>
        <h2>
          <ViewLink to={{ ...props.view, docId, number: page ?? 1 }} isName>
            {title ?? filename}
          </ViewLink>
          <span className="note">
            {title === null ? "" : filename}
            {page !== null && ` page ${showCount(page)}`}
          </span>
        </h2>
        <p className="snippet">
          {snippetParts(snippet, props.query).map(({ text, isHit }, index) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no other
            isHit ? <mark key={index}>{text}</mark> : text,
          )}
        </p>
      </div>
    </li>
  );
}
