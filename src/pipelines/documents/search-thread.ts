import { statSync } from "node:fs";
import { MilepostError } from "../../core/errors.ts";
import { toItemError } from "../../core/item-error.ts";
import { Library } from "./library/library.ts";
import type { FoundPlace, SearchAnswer, SearchTask } from "./search-messages.ts";

/*
 * A thread that looks into indexes, one question after another: a search compares its query with every vector, and nobody else should
 * have to wait for that.
 */

let open: { readonly library: Library; readonly ino: number; readonly model: string | null } | null = null;

/** Answers one question; never throws. */
export async function answer({ index, model, question }: SearchTask): Promise<SearchAnswer> {
  try {
    const library = await libraryAt(index, model);
    if (question.type === "thumbnail") {
      return { type: "picture", picture: (await library.thumbnail(question.sha256, question.page)) ?? null };
    }
    const hits = await library.search(question.query, { limit: question.limit });
    const places: FoundPlace[] = [];
    for (const hit of hits) {
      const picture = hit.page === null ? undefined : await library.thumbnail(hit.document.sha256, hit.page);
      places.push({ ...hit, hasThumbnail: picture !== undefined });
    }
    return { type: "places", places };
  } catch (error) {
    const code = error instanceof MilepostError ? error.code : null;
    return { type: "failed", code, message: toItemError(error).message };
  }
}

/** The index stays open between two questions; not, if another file has taken its place. */
async function libraryAt(path: string, model: string | null): Promise<Library> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (open !== null && open.library.path === path && open.model === model && open.ino === found?.ino) {
    return open.library;
  }
  open?.library.close();
  open = null;
  const library = await Library.open(path, model === null ? {} : { model });
  open = { library, ino: statSync(path).ino, model };
  return library;
}
