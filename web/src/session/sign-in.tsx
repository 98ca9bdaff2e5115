import { type FormEvent, type JSX, useState } from "react";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notice.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { refusalOfToken } from "./session.ts";

/** Takes the operator's token. It stays in this tab and is sent with requests to this server alone. */
export function SignIn(props: {
  readonly onToken: (token: string) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const [token, setToken] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const given = token.trim();
    if (given === "") return;
    setBusy(true);
    try {
      const refusal = await refusalOfToken(given);
      if (refusal === null) props.onToken(given);
      else setProblem({ title: "That is not this server's token", detail: refusal.problem.detail });
    } catch (error) {
      setProblem(showProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="Sign in as operator" onClose={props.onClose}>
      <form className="sign-in" onSubmit={(event) => void submit(event)}>
        <label>
          Token
          <input
            data-first
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={token}
            onChange={({ target }) => setToken(target.value)}
          />
        </label>
        <p className="note">
          <code>milepost serve</code> prints it when it starts, unless it was given as <code>MILEPOST_TOKEN</code>. It
          is kept until this tab is closed.
        </p>
        {problem !== null && <Problem problem={problem} />}
        <footer>
          <button type="submit" className="main" disabled={isBusy}>
            Sign in
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
