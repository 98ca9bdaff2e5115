import { BUILT_IN_EMBEDDER } from "./built-in-embedder.ts";
import type { Embedder } from "./embedder.ts";
import { loadModelEmbedder } from "./model-embedder.ts";

const loaded = new Map<string, Promise<Embedder>>();

/**
 * The embedder that the options of a batch or a search ask for: the built-in one, or the model in a folder, loaded once.
 * @throws {MilepostError} as `loadModelEmbedder`
 */
export async function loadEmbedder(model: string | null): Promise<Embedder> {
  if (model === null) return BUILT_IN_EMBEDDER;
  let loading = loaded.get(model);
  if (loading === undefined) {
    loading = loadModelEmbedder(model);
    loaded.set(model, loading);
    loading.catch(() => loaded.delete(model));
  }
  return loading;
}
