import { type JSX, useEffect, useState } from "react";
import type { ItemClient } from "../../../src/client/client.ts";
import { formatBytes } from "../../../src/format/number.ts";
import { Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";

/** Larger ones are downloaded, not shown. */
const PREVIEW_BYTES_MAX = 20_000_000;

interface Output {
  readonly address: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** What an item made: a picture is shown, anything else can be saved. */
export function ItemOutput(props: {
  readonly batchId: string;
  readonly itemId: string;
  readonly name: string;
}): JSX.Element {
  const { session } = usePage();
  const { batchId, itemId, name } = props;
  const [output, setOutput] = useState<Output | null>(null);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const client = session.client.batch(batchId).item(itemId);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the client is the same for the same item
  useEffect(() => {
    const stop = new AbortController();
    let made: Output | null = null;
    void readOutput(client, name, stop.signal).then(
      (read) => {
        made = read;
        if (!stop.signal.aborted) setOutput(read);
        else if (read !== null) URL.revokeObjectURL(read.address);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setProblem(showProblem(error));
      },
    );
    return () => {
      stop.abort();
      if (made !== null) URL.revokeObjectURL(made.address);
    };
  }, [batchId, itemId, session]);
  if (problem !== null) return <Problem problem={problem} />;
  if (output === null) return <div className="preview loading" />;
  return (
    <figure className="output">
      {output.type.startsWith("image/") && (
        <div className="preview">
          <img src={output.address} alt={`Output of ${name}`} />
        </div>
      )}
      <figcaption>
        <a href={output.address} download={output.name}>
          Save {output.name}
        </a>{" "}
        {formatBytes(output.size)}
      </figcaption>
    </figure>
  );
}

/** Read with the caller's right to it, which a plain link does not carry. */
async function readOutput(client: ItemClient, name: string, signal: AbortSignal): Promise<Output | null> {
  const answer = await client.output({ signal });
  const size = Number(answer.headers.get("content-length") ?? 0);
  const type = answer.headers.get("content-type") ?? "";
  if (size > PREVIEW_BYTES_MAX) {
    await answer.body?.cancel();
    return { address: answer.url, name: nameIn(answer) ?? name, type: "", size };
  }
  const blob = await answer.blob();
  return { address: URL.createObjectURL(blob), name: nameIn(answer) ?? name, type, size: blob.size };
}

function nameIn({ headers }: Response): string | null {
  const disposition = headers.get("content-disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  return encoded === undefined ? (/filename="([^"]+)"/.exec(disposition)?.[1] ?? null) : decodeURIComponent(encoded);
}
