import { type JSX, useMemo, useSyncExternalStore } from "react";
import { showAge, showExactTime, showSeconds } from "../words/shown.ts";

const EVERY_MS = 1_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, EVERY_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, told anew each second by one clock for all of the page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago something was; the exact time is told on request. */
export function Age(props: { readonly time: string }): JSX.Element {
  const { time } = props;
  const exact = useMemo(() => showExactTime(time), [time]);
  return (
    <time dateTime={time} title={exact}>
      {showAge(time, useNow())}
    </time>
  );
}

/** How long something that runs has been running. */
export function Elapsed(props: { readonly sinceMs: number }): JSX.Element {
  return <>{showSeconds(Math.max(0, Math.floor((useNow() - props.sinceMs) / 1_000)))}</>;
}
