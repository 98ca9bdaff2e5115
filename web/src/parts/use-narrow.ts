import { useCallback, useSyncExternalStore } from "react";

/** True where the page is narrower: a table's rows become cards there. The style says the same in its media queries. */
export function useNarrow(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}
