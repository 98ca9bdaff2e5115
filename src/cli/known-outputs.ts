import type { Json } from "../core/json.ts";
import type { Batch, ItemsPage } from "../engine/batch.ts";

/** Which output each known item writes, by its key, so that no new one is given the same. */
export async function knownOutputs(
  batch: Batch,
  outputIn: (input: Json) => string | null,
): Promise<ReadonlyMap<string, string>> {
  const outputs = new Map<string, string>();
  for (let after: { readonly after?: string } | null = {}; after !== null; ) {
    const page: ItemsPage = await batch.items({ limit: 1_000, ...after });
    for (const item of page.items) {
      const output = outputIn(item.input);
      if (output !== null) outputs.set(item.key, output);
    }
    after = page.nextCursor === null ? null : { after: page.nextCursor };
  }
  return outputs;
}
