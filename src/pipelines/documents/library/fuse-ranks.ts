/** Keeps the first places of one list from deciding alone: the value of the paper that the formula is from. */
const RANK_OFFSET = 60;

export interface RankedList {
  /** The best first. */
  readonly ids: readonly number[];
  /** What a place in this list counts against the same place in the others. */
  readonly weight: number;
}

/**
 * Reciprocal rank fusion: what stands at place r of a list gets weight / (60 + r), summed over the lists (Cormack, Clarke, Büttcher:
 * Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods, SIGIR 2009; there with equal weights). It needs no
 * common scale of the lists' own scores. Best first; of equals, the lower id.
 */
export function fuseRanks(lists: readonly RankedList[]): readonly { readonly id: number; readonly score: number }[] {
  const scores = new Map<number, number>();
  for (const { ids, weight } of lists) {
    for (const [index, id] of ids.entries()) {
      scores.set(id, (scores.get(id) ?? 0) + weight / (RANK_OFFSET + index + 1));
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || a.id - b.id);
}
