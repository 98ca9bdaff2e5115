import type { JSX } from "react";

/** A state as a word with its colour; the word alone says all. */
export function Badge(props: { readonly state: string; readonly words?: string }): JSX.Element {
  return <span className={`badge ${props.state}`}>{props.words ?? props.state}</span>;
}
