import type { JSX, ReactNode } from "react";
import type { ShownProblem } from "../words/problem.ts";

/** What was refused: why. */
export function ProblemWords(props: { readonly problem: ShownProblem }): JSX.Element {
  const { title, detail } = props.problem;
  return (
    <p>
      <strong>
        {title}
        {detail === "" ? "." : ":"}
      </strong>{" "}
      {detail}
    </p>
  );
}

/** A refusal, where it happened. */
export function Problem(props: { readonly problem: ShownProblem; readonly onClose?: () => void }): JSX.Element {
  return (
    <div className="problem" role="alert">
      <ProblemWords problem={props.problem} />
      {props.onClose !== undefined && (
        <button type="button" className="quiet" onClick={props.onClose}>
          Dismiss
        </button>
      )}
    </div>
  );
}

/** What stands where there is nothing to show: why, and what to do. */
export function Empty(props: {
  readonly title: string;
  /** True where nothing else is on the page: it is its heading. */
  readonly isWholePage?: boolean;
  readonly children: ReactNode;
}): JSX.Element {
  const Heading = props.isWholePage === true ? "h1" : "h2";
  return (
    <div className="empty">
      <svg viewBox="0 0 72 48" aria-hidden="true">
        <rect x="4" y="6" width="64" height="8" rx="4" />
        <rect x="4" y="20" width="44" height="8" rx="4" />
        <rect x="4" y="34" width="24" height="8" rx="4" />
      </svg>
      <Heading>{props.title}</Heading>
      <div>{props.children}</div>
    </div>
  );
}
