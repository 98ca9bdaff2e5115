import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { codeOf } from "./disk.ts";

/** The ids of all batches of an owner, or of those in one queue. */
export async function batchIdsOf(
  milepost: Milepost,
  filter: { readonly owner: string; readonly queue?: string },
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const query = { ...filter, limit: LIMITS.pageItems, withEstimates: false };
    const page: Awaited<ReturnType<Milepost["batches"]>> | null = await milepost
      .batches({ ...query, ...(cursor !== undefined && { after: cursor }) })
      .catch((error: unknown) => {
        if (codeOf(error) !== "NOT_FOUND") throw error;
        return null;
      });
    for (const { id } of page?.batches ?? []) ids.add(id);
    // The batch at the cursor was deleted meanwhile: from the beginning.
    cursor = page === null ? undefined : page.nextCursor;
  }
  return ids;
}
