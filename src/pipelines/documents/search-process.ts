import { statSync } from "node:fs";
import { MilepostError } from "../../core/errors.ts";
import { toItemError } from "../../core/item-error.ts";
import { Library } from "./library/library.ts";
import type { FoundPlace, SearchAnswer, SearchTask } from "./search-messages.ts";

/*
 * A process that looks into indexes, one question after another. It ends with whoever started it: if that was killed, when the statement that
 * runs is over.
 */

let open: { readonly library: Library; readonly ino: number; readonly model: string | null } | null = null;

process.on("message", async (task: SearchTask) => {
  const given = await answer(task);
  if (process.connected) process.send?.(given, () => {});
});
process.on("disconnect", () => process.exit());

/** Answers one question; never throws. */
async function answer(task: SearchTask): Promise<SearchAnswer> {
  const before = inoOf(task.index);
  const given = await tryAnswer(task);
  // An index that is moved away while it is opened is no index that fails: it is not there, or another one is.
  const isMoved = given.type === "failed" && inoOf(task.index) !== before;
  return isMoved ? tryAnswer(task) : given;
}

async function tryAnswer({ index, model, question }: SearchTask): Promise<SearchAnswer> {
  try {
    const library = await libraryAt(index, model);
    if (question.type === "remove") {
      await library.remove(question.sha256);
      return { type: "removed" };
    }
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
  if (open !== null && open.library.path === path && open.model === model && open.ino === inoOf(path)) {
    return open.library;
  }
  open?.library.close();
  open = null;
  const library = await Library.open(path, model === null ? {} : { model });
  open = { library, ino: statSync(path).ino, model };
  return library;
}

function inoOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
