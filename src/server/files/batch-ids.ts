import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";

/** The ids of all batches of an owner, or of those in one queue. */
export async function batchIdsOf(
  milepost: Milepost,
  filter: { readonly owner: string; readonly queue?: string },
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Awaited<ReturnType<Milepost["batches"]>> = await milepost.batches({
      ...filter,
      limit: LIMITS.pageItems,
      withEstimates: false,
      ...(cursor !== undefined && { after: cursor }),
    });
    for (const { id } of page.batches) ids.add(id);
    cursor = page.nextCursor;
  }
  return ids;
}
