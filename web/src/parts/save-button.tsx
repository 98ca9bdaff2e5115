import { type JSX, type ReactNode, useState } from "react";
import { toApiError } from "../../../src/client/api-error.ts";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { Problem } from "./notice.tsx";

/** Saves what is at an address with the caller's right to it, which a plain link does not carry for who has a token. */
export function SaveButton(props: {
  readonly path: string;
  readonly name: string;
  readonly children: ReactNode;
}): JSX.Element {
  const { session } = usePage();
  const { path, name, children } = props;
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  if (!session.isOperator) {
    return (
      <a href={path} download={name}>
        {children}
      </a>
    );
  }
  const save = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const answer = await fetch(path, { headers: session.headers });
      if (!answer.ok) throw toApiError(answer.status, await answer.text(), answer.headers.get("retry-after"));
      const address = URL.createObjectURL(await answer.blob());
      const link = document.createElement("a");
      link.href = address;
      link.download = name;
      link.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      setProblem(showProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" className="link" disabled={isBusy} onClick={() => void save()}>
        {children}
      </button>
      {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
    </>
  );
}
