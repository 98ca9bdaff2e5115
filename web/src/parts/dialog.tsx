import { type JSX, type ReactNode, useEffect, useId, useRef } from "react";

/** A dialog of the browser's own: it keeps the focus inside, Escape closes it, and the focus goes back. */
export function Dialog(props: {
  readonly title: string;
  readonly className?: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const { onClose } = props;
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    element?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same, and a button inside
    <dialog
      ref={dialog}
      className={props.className}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header>
          <h2 id={titleId} dir="auto">
            {props.title}
          </h2>
          <button type="button" className="quiet close" aria-label="Close" onClick={onClose}>
            ×
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/** Asks before something is destroyed. What keeps things as they are has the focus. */
export function ConfirmDialog(props: {
  readonly title: string;
  readonly effect: string;
  readonly action: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}): JSX.Element {
  return (
    <Dialog title={props.title} className="confirm" onClose={props.onClose}>
      <p>{props.effect}</p>
      <footer>
        <button type="button" data-first onClick={props.onClose}>
          Keep as it is
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => {
            props.onConfirm();
            props.onClose();
          }}
        >
          {props.action}
        </button>
      </footer>
    </Dialog>
  );
}
