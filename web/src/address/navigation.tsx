import { type JSX, type MouseEvent, type ReactNode, useSyncExternalStore } from "react";
import { addressOf, type View, viewOf } from "./address.ts";

const listeners = new Set<() => void>();
let current: { readonly text: string; readonly view: View } | null = null;

function readView(): View {
  const text = location.pathname + location.search;
  if (current?.text !== text) current = { text, view: viewOf(location.pathname, location.search) };
  return current.view;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

/** Shows another view. With `replace` it takes the place of the current one in the history: filters that are being typed. */
export function go(view: View, { replace = false }: { readonly replace?: boolean } = {}): void {
  const address = addressOf(view);
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else {
    const before = readView().page;
    history.pushState(null, "", address);
    // Another page is seen from its beginning; what opens over a page leaves it where it is.
    if (before !== view.page) scrollTo(0, 0);
  }
  for (const listener of listeners) listener();
}

/** What the address says is to be shown. */
export function useView(): View {
  return useSyncExternalStore(subscribe, readView);
}

/** A link to a view: a real one, so that it can be opened in another tab. */
export function ViewLink(props: {
  readonly to: View;
  readonly className?: string;
  readonly title?: string;
  readonly isCurrent?: boolean;
  /** A name that somebody gave: it is written in the direction of its own script. */
  readonly isName?: boolean;
  readonly children: ReactNode;
}): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(props.to);
  };
  return (
    <a
      href={addressOf(props.to)}
      className={props.className}
      title={props.title}
      dir={props.isName === true ? "auto" : undefined}
      aria-current={props.isCurrent === true ? "page" : undefined}
      onClick={onClick}
    >
      {props.children}
    </a>
  );
}
