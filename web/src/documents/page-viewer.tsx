import type { JSX } from "react";
import type { OfOwner } from "../../../src/client/client.ts";
import { Picture } from "../parts/picture.tsx";
import { usePage } from "../session/session-context.tsx";
import { showCount } from "../words/shown.ts";

/** The small picture of a page, and the ways to the pages beside it. */
export function PageViewer(props: {
  readonly docId: string;
  /** Whose index it is in. */
  readonly of: OfOwner;
  /** Null: not known how many. */
  readonly count: number | null;
  readonly number: number;
  readonly onNumber: (number: number) => void;
}): JSX.Element {
  const { session } = usePage();
  const { docId, of, count, number, onNumber } = props;
  return (
    <figure className="page-viewer">
      <Picture
        id={`${docId} ${number}`}
        className="preview"
        alt={`Page ${number}`}
        instead={
          session.isOperator && of.owner === undefined
            ? "There is no picture of this page among the operator's documents. Choose whose it is to see it."
            : "There is no picture of this page."
        }
        read={(options) => session.client.documents.thumbnail(docId, number, { ...of, ...options })}
      />
      {count !== 1 && (
        <figcaption>
          <button type="button" disabled={number <= 1} onClick={() => onNumber(number - 1)}>
            Previous page
          </button>
          <span role="status">
            Page {showCount(number)}
            {count !== null && ` of ${showCount(count)}`}
          </span>
          <button type="button" disabled={count !== null && number >= count} onClick={() => onNumber(number + 1)}>
            Next page
          </button>
        </figcaption>
      )}
    </figure>
  );
}
