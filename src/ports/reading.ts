/** One thing that was read of a store's condition, for whoever looks after it. */
export interface Reading {
  /** Stable and in lower case: programs look for it. */
  readonly name: string;
  /** For people. */
  readonly value: string;
  /** `warning`: the store can be used but should be looked after; `problem`: it must not go on so. */
  readonly verdict: "fine" | "warning" | "problem";
  /** What to do; null where there is nothing to do. */
  readonly advice: string | null;
}

/** A reading that is as it should be. */
export function fine(name: string, value: string | number): Reading {
  return { name, value: String(value), verdict: "fine", advice: null };
}

/** A reading with advice if something `isOff`, else a fine one. */
export function judged(
  name: string,
  value: string | number,
  judgement: { readonly isOff: boolean; readonly verdict: "warning" | "problem"; readonly advice: string },
): Reading {
  const { isOff, verdict, advice } = judgement;
  return isOff ? { name, value: String(value), verdict, advice } : fine(name, value);
}
