import { type DependencyList, useEffect, useState } from "react";

/** What works while it is shown. */
export interface Startable {
  start(): void;
  stop(): void;
}

/** Makes something that works as long as the component is shown; null before. Made anew when a dependency changes. */
export function useStarted<T extends Startable>(make: () => T, dependencies: DependencyList): T | null {
  const [made, setMade] = useState<T | null>(null);
  useEffect(() => {
    const one = make();
    one.start();
    setMade(one);
    return () => one.stop();
    // biome-ignore lint/correctness/useExhaustiveDependencies: the caller says on what it depends
  }, dependencies);
  return made;
}
