import { type JSX, useState } from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireFailures } from "../../../src/wire/breakdown.ts";
import { type BatchPageView, batchView } from "../address/address.ts";
import { ViewLink } from "../address/navigation.tsx";
import { Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { showCount, showItems } from "../words/shown.ts";

/** Why items failed, the most frequent reason first, each with the way to try those again. */
export function FailuresPanel(props: {
  readonly batch: WireBatch;
  readonly failures: WireFailures["failures"];
  readonly view: BatchPageView;
  readonly onChanged: (batch: WireBatch) => void;
}): JSX.Element | null {
  const { batch, failures, view } = props;
  const { session, announcer } = usePage();
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  if (batch.counts.failed === 0 || failures.length === 0) return null;
  const retry = async (message: string): Promise<void> => {
    setBusy(message);
    setProblem(null);
    try {
      const { changed, batch: after } = await session.client.batch(batch.id).retry({ error: message });
      props.onChanged(after);
      announcer.say(`${showItems(changed)} will be tried again.`);
    } catch (error) {
      setProblem(showProblem(error));
    } finally {
      setBusy(null);
    }
  };
  return (
    <section className="panel" aria-labelledby="failures-title">
      <h2 id="failures-title">
        Failures <b>{showCount(batch.counts.failed)}</b>
      </h2>
      {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
      <ul className="failures">
        {failures.map(({ message, code, items, example }) => (
          <li key={message}>
            <p className="failure-message" title={message}>
              <b>{showCount(items)} ×</b> {message}
              {code !== null && <code>{code}</code>}
            </p>
            <p className="failure-actions">
              <ViewLink to={{ ...batchView(batch.id), error: message }} isCurrent={view.error === message}>
                Show
              </ViewLink>
              <ViewLink to={{ ...view, itemId: example.id }}>Example</ViewLink>
              <button
                type="button"
                className="link"
                title={`${showItems(items)} go back to pending`}
                disabled={busy !== null}
                onClick={() => void retry(message)}
              >
                Retry these
              </button>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
