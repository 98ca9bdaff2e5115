import {
  type KeyboardEvent,
  type PointerEvent as PressEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { canTakePlace, type NewPlace } from "./turns.ts";

/** So near to an edge of the window it scrolls on, this much a frame. */
const EDGE_PX = 72;
const SCROLL_PX = 14;

/** The batch that is dragged, and the one whose place it would take. */
interface Drag {
  readonly id: string;
  readonly over: string | null;
}

export interface TurnDrag {
  /** How a row is marked: dragged itself, or the dragged one would come to lie before or after it. */
  readonly markOf: (index: number) => "dragged" | "before" | "after" | "";
  readonly onPress: (event: PressEvent<HTMLElement>, id: string) => void;
  readonly onKey: (event: KeyboardEvent<HTMLElement>, id: string) => void;
}

/**
 * Moving rows by their grips: with any pointer, or with the arrow keys a place at a time. A batch takes the place of another of
 * its queue that has not ended, and of no other.
 */
export function useTurnDrag(batches: readonly WireBatch[], onMove: (moved: WireBatch, to: NewPlace) => void): TurnDrag {
  const [drag, setDrag] = useState<Drag | null>(null);
  const latest = useRef({ batches, onMove, drag });
  latest.current = { batches, onMove, drag };
  const pressed = useRef<string | null>(null);
  // The row moves in the page, and the focus would be lost with it.
  useLayoutEffect(() => {
    if (pressed.current === null || document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>(`[data-id="${pressed.current}"] .turn`)?.focus();
  });
  useEffect(() => {
    // Who points elsewhere has left it.
    const forget = (): void => {
      pressed.current = null;
    };
    addEventListener("pointerdown", forget);
    return () => removeEventListener("pointerdown", forget);
  }, []);
  const draggedId = drag?.id ?? null;
  useEffect(() => {
    if (draggedId === null) return;
    return followPointer({
      onOver: (id) => setDrag({ id: draggedId, over: placeUnder(latest.current.batches, draggedId, id)?.id ?? null }),
      onEnd: (isDropped) => {
        setDrag(null);
        const { batches: all, drag: last } = latest.current;
        const [moved, target] = [all.find(({ id }) => id === draggedId), all.find(({ id }) => id === last?.over)];
        if (isDropped && moved !== undefined && target !== undefined) latest.current.onMove(moved, target);
      },
    });
  }, [draggedId]);
  const onPress = useCallback((event: PressEvent<HTMLElement>, id: string): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.focus();
    setDrag({ id, over: null });
  }, []);
  const onKey = useCallback((event: KeyboardEvent<HTMLElement>, id: string): void => {
    const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    const moved = latest.current.batches.find((batch) => batch.id === id);
    if (moved === undefined || (way !== "up" && way !== "down")) return;
    event.preventDefault();
    pressed.current = id;
    latest.current.onMove(moved, way);
  }, []);
  const from = drag === null ? -1 : batches.findIndex(({ id }) => id === drag.id);
  const markOf = (index: number): ReturnType<TurnDrag["markOf"]> => {
    if (drag === null) return "";
    if (index === from) return "dragged";
    if (batches[index]?.id !== drag.over) return "";
    return from > index ? "before" : "after";
  };
  return { markOf, onPress, onKey };
}

/** The batch over which another is dragged, if that may take its place. */
function placeUnder(batches: readonly WireBatch[], moved: string, id: string | null): WireBatch | undefined {
  const [one, two] = [batches.find((batch) => batch.id === moved), batches.find((batch) => batch.id === id)];
  return one !== undefined && two !== undefined && canTakePlace(one, two) ? two : undefined;
}

/** Tells over which row the pointer is until it is let go; the window scrolls while it is near an edge. */
function followPointer(told: {
  readonly onOver: (id: string | null) => void;
  readonly onEnd: (isDropped: boolean) => void;
}): () => void {
  let at: { readonly x: number; readonly y: number } | null = null;
  let frame = 0;
  const look = (): void => {
    if (at === null) return;
    const row = document.elementFromPoint(at.x, at.y)?.closest<HTMLElement>("[data-id]");
    told.onOver(row?.dataset.id ?? null);
  };
  const scroll = (): void => {
    frame = requestAnimationFrame(scroll);
    const step = at === null ? 0 : at.y < EDGE_PX ? -SCROLL_PX : at.y > innerHeight - EDGE_PX ? SCROLL_PX : 0;
    if (step === 0) return;
    scrollBy(0, step);
    look();
  };
  const leave = new AbortController();
  const { signal } = leave;
  const onMove = ({ clientX, clientY }: PointerEvent): void => {
    at = { x: clientX, y: clientY };
    look();
  };
  addEventListener("pointermove", onMove, { signal });
  addEventListener("pointerup", () => told.onEnd(true), { signal });
  addEventListener("pointercancel", () => told.onEnd(false), { signal });
  addEventListener("keydown", ({ key }) => key === "Escape" && told.onEnd(false), { signal });
  frame = requestAnimationFrame(scroll);
  return () => {
    leave.abort();
    cancelAnimationFrame(frame);
  };
}
