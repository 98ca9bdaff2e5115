import { type JSX, useEffect, useState } from "react";
import type { OfOwner } from "../../../src/client/client.ts";
import type { DocumentsView } from "../address/address.ts";
import { go } from "../address/navigation.tsx";
import { usePage } from "../session/session-context.tsx";
import { ownerOf } from "../words/batch-words.ts";

/** Batches whose owners are offered: the newest, as many as a page may have. */
const BATCHES_MAX = 100;

/** Whose documents a view asks for. */
export function ofOwner({ owner }: DocumentsView): OfOwner {
  return owner === null ? {} : { owner };
}

/** Whose documents are listed and searched; the operator alone may choose. */
export function OwnerChoice(props: { readonly view: DocumentsView }): JSX.Element | null {
  const { view } = props;
  const { session } = usePage();
  const owners = useOwners();
  if (!session.isOperator) return null;
  const offered = new Set(["", ...owners, ...(view.owner === null ? [] : [view.owner])]);
  return (
    <select
      aria-label="Whose documents"
      value={view.owner === null ? "everybody" : `of ${view.owner}`}
      onChange={({ target }) => {
        const owner = [...offered].find((one) => target.value === `of ${one}`) ?? null;
        go({ ...view, owner, docId: null, number: 1 }, { replace: true });
      }}
    >
      <option value="everybody">Everybody's documents</option>
      {[...offered].map((owner) => (
        <option key={owner} value={`of ${owner}`}>
          Of {owner === "" ? "the operator" : ownerOf({ owner })}
        </option>
      ))}
    </select>
  );
}

/** The owners of the newest batches of documents, as the page is opened. */
function useOwners(): readonly string[] {
  const { session } = usePage();
  const [owners, setOwners] = useState<readonly string[]>([]);
  useEffect(() => {
    if (!session.isOperator) return;
    void session.client.batches({ queue: "documents", limit: BATCHES_MAX }).then(
      ({ batches }) => setOwners(batches.map(({ owner }) => owner)),
      () => {},
    );
  }, [session]);
  return owners;
}
