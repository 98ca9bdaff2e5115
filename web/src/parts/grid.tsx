/*
 * Tables whose rows are placed by hand, since only some of many are drawn, cannot be made of the elements of tables: their
 * roles say what they are. Groups of buttons are no fieldsets, which are for forms.
 */
// biome-ignore-all lint/a11y/useSemanticElements: see above
// biome-ignore-all lint/a11y/useFocusableInteractive: rows and heads are not operated
import type { JSX, ReactNode } from "react";

export function GridHead(props: { readonly titles: readonly string[] }): JSX.Element {
  return (
    <div role="row" className="row head" aria-rowindex={1}>
      {props.titles.map((title) => (
        <div key={title} role="columnheader">
          {title}
        </div>
      ))}
    </div>
  );
}

/** The row of an index that counts from 0, so far from the top of its table. */
export function GridRow(props: {
  readonly index: number;
  readonly top: number;
  readonly className?: string;
  /** What the page finds it by. */
  readonly id?: string;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <div
      role="row"
      data-id={props.id}
      className={`row ${props.className ?? ""}`}
      aria-rowindex={props.index + 2}
      style={{ transform: `translateY(${props.top}px)` }}
    >
      {props.children}
    </div>
  );
}

export function GridCell(props: { readonly name: string; readonly children: ReactNode }): JSX.Element {
  return (
    <div role="cell" className={props.name}>
      {props.children}
    </div>
  );
}

/** Buttons that belong together. */
export function Group(props: {
  readonly label: string;
  readonly className: string;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <div role="group" className={props.className} aria-label={props.label}>
      {props.children}
    </div>
  );
}
