import { invariant } from "./invariant.ts";
import { LIMITS } from "./limits.ts";

/** What is kept for estimates has a bound of its own making: a text beyond it is a defect, and must not be stored. */
export function assertLearnedFits(texts: { readonly batch: string | null; readonly work: string | null }): void {
  for (const [what, text] of Object.entries(texts)) {
    invariant(
      (text?.length ?? 0) <= LIMITS.learnedBytes,
      `what is learned of a ${what} has ${text?.length} characters`,
    );
  }
}
