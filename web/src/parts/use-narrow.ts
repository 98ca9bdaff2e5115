import { useSyncExternalStore } from "react";

const query = matchMedia("(width < 48rem)");

function subscribe(listener: () => void): () => void {
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

/** True where there is room for one column alone, as on phones. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => query.matches);
}
