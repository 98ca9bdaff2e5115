import { type JSX, useEffect, useState } from "react";
import type { ItemClient } from "../../../src/client/client.ts";
import { Problem } from "../parts/notice.tsx";
import { SaveButton } from "../parts/save-button.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { showBytes } from "../words/shown.ts";

/** Larger ones are saved, not shown. */
const PICTURE_BYTES_MAX = 20_000_000;
/** Of a video that must be read whole before it can be played. */
const VIDEO_BYTES_MAX = 200_000_000;

interface Output {
  /** Where it is: in this page, or on the server. */
  readonly address: string;
  readonly isHere: boolean;
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** What an item made: a picture is shown, a video played, anything can be saved. */
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
    void readOutput(client, { name, isStreamable: !session.isOperator, signal: stop.signal }).then(
      (read) => {
        made = read;
        if (!stop.signal.aborted) setOutput(read);
        else if (read.isHere) URL.revokeObjectURL(read.address);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setProblem(showProblem(error));
      },
    );
    return () => {
      stop.abort();
      if (made?.isHere) URL.revokeObjectURL(made.address);
    };
  }, [batchId, itemId, session]);
  if (problem !== null) return <Problem problem={problem} />;
  if (output === null) return <div className="preview loading" />;
  return (
    <figure className="output">
      <Preview output={output} name={name} />
      <figcaption>
        {output.isHere ? (
          <a href={output.address} download={output.name}>
            Save {output.name}
          </a>
        ) : (
          <SaveButton path={output.address} name={output.name}>
            Save {output.name}
          </SaveButton>
        )}{" "}
        {showBytes(output.size)}
      </figcaption>
    </figure>
  );
}

function Preview(props: { readonly output: Output; readonly name: string }): JSX.Element | null {
  const { output, name } = props;
  const { session } = usePage();
  if (output.type.startsWith("image/") && output.isHere) {
    return (
      <div className="preview">
        <img src={output.address} alt={`Output of ${name}`} />
      </div>
    );
  }
  if (!output.type.startsWith("video/")) return null;
  if (!output.isHere && session.isOperator) return <p className="note">It is too large to be played here.</p>;
  return (
    <div className="preview">
      {/* biome-ignore lint/a11y/useMediaCaption: the words of a karaoke video are its picture */}
      <video src={output.address} controls preload="metadata" aria-label={`Output of ${name}`} />
    </div>
  );
}

/** Read with the caller's right to it, which a plain link does not carry for who has a token. */
async function readOutput(
  client: ItemClient,
  options: { readonly name: string; readonly isStreamable: boolean; readonly signal: AbortSignal },
): Promise<Output> {
  const answer = await client.output({ signal: options.signal });
  const size = Number(answer.headers.get("content-length") ?? 0);
  const type = answer.headers.get("content-type") ?? "";
  const name = nameIn(answer) ?? options.name;
  const isVideo = type.startsWith("video/");
  if ((isVideo && options.isStreamable) || size > (isVideo ? VIDEO_BYTES_MAX : PICTURE_BYTES_MAX)) {
    await answer.body?.cancel();
    return { address: answer.url, isHere: false, name, type, size };
  }
  const blob = await answer.blob();
  return { address: URL.createObjectURL(blob), isHere: true, name, type, size: blob.size };
}

function nameIn({ headers }: Response): string | null {
  const disposition = headers.get("content-disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  return encoded === undefined ? (/filename="([^"]+)"/.exec(disposition)?.[1] ?? null) : decodeURIComponent(encoded);
}
