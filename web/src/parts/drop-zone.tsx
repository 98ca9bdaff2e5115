import { type JSX, type ReactNode, useEffect, useRef, useState } from "react";
import { droppedFiles } from "./dropped-files.ts";

/** Takes files that are dropped anywhere on the page, or chosen by hand. */
export function DropZone(props: {
  readonly onFiles: (files: readonly File[]) => void;
  /** What can be dropped. */
  readonly children: ReactNode;
  readonly isSmall?: boolean;
}): JSX.Element {
  const { onFiles, isSmall = false } = props;
  const [isOver, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  useEffect(() => {
    const isOfFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
    const onOver = (event: DragEvent): void => {
      if (!isOfFiles(event)) return;
      // Without this the browser would open what is dropped.
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent): void => {
      if (!isOfFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      setOver(false);
      void droppedFiles(event.dataTransfer).then((files) => take.current(files));
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
  return (
    <label className={`drop-zone${isOver ? " over" : ""}${isSmall ? " small" : ""}`}>
      <input
        type="file"
        multiple
        className="hidden"
        onChange={({ target }) => {
          onFiles(Array.from(target.files ?? []));
          target.value = "";
        }}
      />
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 15V4m0 0L7.5 8.5M12 4l4.5 4.5M4 15v4a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-4" />
      </svg>
      <span className="drop-button">Choose files</span>
      <span>{isOver ? "Let go to add them" : props.children}</span>
    </label>
  );
}
