import { type DragEvent, type JSX, useLayoutEffect, useRef, useState } from "react";
import { Badge } from "../parts/badge.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notice.tsx";
import { usePage } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import type { ExportJob } from "./export-jobs.ts";
import type { ExportsStore } from "./exports-store.ts";
import { JobName } from "./running-list.tsx";

/** The exports that wait, in their order; they are moved by dragging, or by buttons. */
export function WaitingList(props: {
  readonly store: ExportsStore;
  readonly jobs: readonly ExportJob[];
}): JSX.Element | null {
  const { store, jobs } = props;
  const { announcer } = usePage();
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const [asked, setAsked] = useState<ExportJob | null>(null);
  const [problem, setProblem] = useState<ShownProblem | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const pressed = useRef<string | null>(null);
  // The row moves in the page, and the focus would be lost with it.
  useLayoutEffect(() => {
    if (pressed.current === null || document.activeElement !== document.body) return;
    list.current?.querySelector<HTMLElement>(`[data-move="${pressed.current}"]`)?.focus();
  });
  if (jobs.length === 0) return null;
  const act = async (task: () => Promise<unknown>, said: string): Promise<void> => {
    try {
      setProblem(null);
      await task();
      announcer.say(said);
    } catch (error) {
      setProblem(showProblem(error));
    }
  };
  const move = (from: number, to: number): Promise<void> =>
    act(() => store.move(from, to), `${jobs[from]?.name} is now number ${to + 1}.`);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    if (dragged !== null && over !== null && dragged !== over) void move(dragged, over);
    setDragged(null);
    setOver(null);
  };
  return (
    <section aria-label="Waiting exports">
      <h2>Waiting, the next first</h2>
      {problem !== null && <Problem problem={problem} onClose={() => setProblem(null)} />}
      <ol className="table export-list" ref={list}>
        {jobs.map((job, index) => (
          <li
            key={job.item.id}
            className={`row waiting ${dragClass(index, { dragged, over })}`}
            draggable
            onDragStart={(event) => {
              event.dataTransfer.effectAllowed = "move";
              event.dataTransfer.setData("text/plain", job.name);
              setDragged(index);
            }}
            onDragOver={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              setOver(index);
            }}
            onDragEnd={() => {
              setDragged(null);
              setOver(null);
            }}
            onDrop={drop}
          >
            <WaitingRow
              job={job}
              isHalted={store.isHalted(job.batch)}
              index={index}
              isLast={index === jobs.length - 1}
              onMove={(to, direction) => {
                pressed.current = `${direction} ${job.item.id}`;
                void move(index, to);
              }}
              onCancel={() => setAsked(job)}
            />
          </li>
        ))}
      </ol>
      {asked !== null && (
        <ConfirmDialog
          title={`Cancel ${asked.name}?`}
          effect="The export ends as cancelled and is not made. It can be retried."
          action="Cancel"
          onConfirm={() => void act(() => store.cancel(asked), `${asked.name} is cancelled.`)}
          onClose={() => setAsked(null)}
        />
      )}
    </section>
  );
}

/** The row that is dragged, and on which side of which one it would come to lie. */
function dragClass(index: number, drag: { readonly dragged: number | null; readonly over: number | null }): string {
  const { dragged, over } = drag;
  if (dragged === null) return "";
  if (dragged === index) return "dragged";
  if (over !== index) return "";
  return dragged > index ? "before" : "after";
}

function WaitingRow(props: {
  readonly job: ExportJob;
  readonly isHalted: boolean;
  readonly index: number;
  readonly isLast: boolean;
  readonly onMove: (to: number, direction: "up" | "down") => void;
  readonly onCancel: () => void;
}): JSX.Element {
  const { job, isHalted, index, isLast, onMove, onCancel } = props;
  const { item, name } = job;
  return (
    <>
      <span className="place" aria-hidden="true">
        <i className="grip" />
        {index + 1}
      </span>
      <JobName job={job} />
      <div className="state">
        {isHalted ? <Badge state="paused" /> : <Badge state="pending" words={item.isHeld ? "held" : "waiting"} />}
      </div>
      <div className="moves">
        <button
          type="button"
          className="quiet"
          data-move={`up ${item.id}`}
          aria-label={`Move ${name} up`}
          aria-disabled={index === 0}
          onClick={() => index > 0 && onMove(index - 1, "up")}
        >
          ↑
        </button>
        <button
          type="button"
          className="quiet"
          data-move={`down ${item.id}`}
          aria-label={`Move ${name} down`}
          aria-disabled={isLast}
          onClick={() => !isLast && onMove(index + 1, "down")}
        >
          ↓
        </button>
        <button type="button" className="quiet" aria-label={`Cancel ${name}`} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </>
  );
}
