import { type JSX, useEffect, useState } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { DOCUMENTS } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Age } from "../parts/clock.tsx";
import { SaveButton } from "../parts/save-button.tsx";
import { usePage } from "../session/session-context.tsx";
import { ownerOf, titleOf } from "../words/batch-words.ts";

/** What it makes is stored in an index, where it is searched, and not as files. */
const INDEXED = "documents";

/** What there is to know of a batch besides its progress, and what can be taken away of it. */
export function AboutPanel(props: { readonly batch: WireBatch }): JSX.Element {
  const { batch } = props;
  const { session } = usePage();
  const isSent = useUploadPipelines().includes(batch.pipeline) && batch.counts.completed > 0;
  const hasOutputs = isSent && batch.pipeline !== INDEXED;
  const facts: readonly (readonly [string, JSX.Element | string])[] = [
    ["Pipeline", batch.pipeline],
    ["Queue", batch.queue],
    ...(session.isOperator ? [["Owner", <Owner key="" batch={batch} />] as const] : []),
    ["Created", <Age key="" time={batch.createdAt} />],
    ...(batch.startedAt === null ? [] : [["Started", <Age key="" time={batch.startedAt} />] as const]),
    ...(batch.endedAt === null ? [] : [["Ended", <Age key="" time={batch.endedAt} />] as const]),
    ["Id", batch.id],
  ];
  return (
    <section className="panel" aria-labelledby="about-title">
      <h2 id="about-title">About</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="saves">
        <SaveButton path={`/api/batches/${batch.id}/items.csv`} name={`${titleOf(batch)}.csv`}>
          Save the items as CSV
        </SaveButton>
        {hasOutputs && (
          <SaveButton path={`/api/batches/${batch.id}/outputs.zip`} name={`${titleOf(batch)}.zip`}>
            Save all outputs
          </SaveButton>
        )}
        {isSent && !hasOutputs && <ViewLink to={DOCUMENTS}>Search in documents</ViewLink>}
      </p>
    </section>
  );
}

/** Whose the batch is; of documents, the way to all of that owner's. */
function Owner(props: { readonly batch: WireBatch }): JSX.Element {
  const { owner, pipeline } = props.batch;
  if (pipeline !== "documents") return <>{ownerOf(props.batch)}</>;
  return <ViewLink to={{ ...DOCUMENTS, owner }}>{ownerOf(props.batch)}</ViewLink>;
}

/** The pipelines whose batches are made of files that were sent in, and so have files to take away. */
function useUploadPipelines(): readonly string[] {
  const { session } = usePage();
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    void session.client.pipelines().then(
      ({ pipelines }) => setNames(pipelines.map(({ name }) => name)),
      () => {},
    );
  }, [session]);
  return names;
}
