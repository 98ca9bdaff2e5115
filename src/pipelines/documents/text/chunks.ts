/** Text of a page, or of a whole document where there are no pages. */
export interface PageText {
  /** Counted from 1; null where the format has no pages. */
  readonly page: number | null;
  readonly text: string;
}

/** A piece of a document that is embedded and found as one. */
export interface Chunk {
  readonly text: string;
  readonly firstPage: number | null;
  readonly lastPage: number | null;
  /** Where in `text` each page after the first begins. */
  readonly breaks: readonly PageBreak[];
}

export interface PageBreak {
  readonly at: number;
  readonly page: number;
}

export interface ChunkSize {
  /** Characters that a chunk has at most. */
  readonly chunkSize: number;
  /** Characters of the end of a chunk that the next one repeats at most, in whole sentences. */
  readonly overlap: number;
}

/** A sentence never grows beyond this: what follows is another one. */
const SENTENCE_MAX = 10_000;
/** With an overlap under this, pieces of long sentences are not repeated. */
const PIECE_MIN = 40;

interface Sentence {
  readonly text: string;
  readonly page: number | null;
  /** Where later pages begin in it. */
  readonly breaks: readonly PageBreak[];
}

/**
 * Cuts a document into chunks of whole sentences, in order. Each sentence is in at least one chunk; sentences at the end of a chunk
 * come again in the next as long as they fit into the overlap. A sentence that is longer than a chunk is cut between words.
 * The same pages and sizes give the same chunks.
 */
export function* chunksOf(pages: Iterable<PageText>, size: ChunkSize): Generator<Chunk> {
  let open: Sentence[] = [];
  let length = 0;
  for (const whole of sentencesOf(pages)) {
    for (const sentence of whole.text.length > size.chunkSize ? cut(whole, pieceOf(size)) : [whole]) {
      if (length + sentence.text.length + (open.length > 0 ? 1 : 0) > size.chunkSize && open.length > 0) {
        yield toChunk(open);
        open = tailOf(open, Math.min(size.overlap, size.chunkSize - sentence.text.length - 1));
        length = lengthOf(open);
      }
      length += sentence.text.length + (open.length > 0 ? 1 : 0);
      open.push(sentence);
    }
  }
  if (open.length > 0) yield toChunk(open);
}

function tailOf(sentences: readonly Sentence[], room: number): Sentence[] {
  let from = sentences.length;
  let length = -1;
  while (from > 1) {
    length += (sentences[from - 1]?.text.length ?? 0) + 1;
    if (length > room) break;
    from--;
  }
  return sentences.slice(from);
}

function lengthOf(sentences: readonly Sentence[]): number {
  return sentences.reduce((sum, { text }) => sum + text.length, Math.max(0, sentences.length - 1));
}

function toChunk(sentences: readonly Sentence[]): Chunk {
  const breaks: PageBreak[] = [];
  const firstPage = sentences[0]?.page ?? null;
  let lastPage = firstPage;
  let text = "";
  for (const sentence of sentences) {
    if (text !== "") text += " ";
    const starts = sentence.page === null ? [] : [{ at: 0, page: sentence.page }];
    for (const { at, page } of [...starts, ...sentence.breaks]) {
      if (page === lastPage) continue;
      breaks.push({ at: text.length + at, page });
      lastPage = page;
    }
    text += sentence.text;
  }
  return { text, firstPage, lastPage, breaks };
}

/** The sentences of all pages; one may begin on one page and end on a later one. */
function* sentencesOf(pages: Iterable<PageText>): Generator<Sentence> {
  // One language for all: the rules for the ends of sentences are nearly the same, and the language is not known.
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  let rest: Sentence = { text: "", page: null, breaks: [] };
  for (const { page, text } of pages) {
    if (text === "") continue;
    const joined = rest.text === "" ? { text, page, breaks: [] } : join(rest, text, page);
    const sentences = [...segmenter.segment(joined.text)];
    const last = sentences.at(-1);
    if (last === undefined) continue;
    for (const { segment, index } of sentences.slice(0, -1)) yield* trimmed(slice(joined, index, segment.length));
    rest = slice(joined, last.index, last.segment.length);
    if (rest.text.length < SENTENCE_MAX) continue;
    yield* trimmed(rest);
    rest = { text: "", page: null, breaks: [] };
  }
  yield* trimmed(rest);
}

function join(before: Sentence, text: string, page: number | null): Sentence {
  const at = before.text.trimEnd().length + 1;
  const breaks = page === null ? before.breaks : [...before.breaks, { at, page }];
  return { text: `${before.text.trimEnd()} ${text}`, page: before.page, breaks };
}

function slice(from: Sentence, start: number, length: number): Sentence {
  const before = from.breaks.filter(({ at }) => at <= start).at(-1);
  const within = from.breaks.filter(({ at }) => at > start && at < start + length);
  return {
    text: from.text.slice(start, start + length),
    page: before?.page ?? from.page,
    breaks: within.map(({ at, page }) => ({ at: at - start, page })),
  };
}

function* trimmed(sentence: Sentence): Generator<Sentence> {
  const start = sentence.text.length - sentence.text.trimStart().length;
  const length = sentence.text.trim().length;
  if (length > 0) yield slice(sentence, start, length);
}

/** Of a sentence that is longer than a chunk: two of them fit into the overlap, so that what is cut in one chunk is whole in the next. */
function pieceOf({ chunkSize, overlap }: ChunkSize): number {
  return overlap < PIECE_MIN ? chunkSize : Math.floor((overlap - 1) / 2);
}

function* cut(sentence: Sentence, room: number): Generator<Sentence> {
  let start = 0;
  while (sentence.text.length - start > room) {
    const space = sentence.text.lastIndexOf(" ", start + room);
    let end = space > start ? space : start + room;
    // Not between the halves of a character.
    if (space <= start && /[\ud800-\udbff]/.test(sentence.text[end - 1] ?? "")) end--;
    yield* trimmed(slice(sentence, start, end - start));
    start = end;
  }
  yield* trimmed(slice(sentence, start, sentence.text.length - start));
}

/** The page on which the character at `at` of a chunk's text stands. */
export function pageAt(
  chunk: { readonly firstPage: number | null; readonly breaks: readonly PageBreak[] },
  at: number,
): number | null {
  let { firstPage: page } = chunk;
  for (const next of chunk.breaks) if (next.at <= at) page = next.page;
  return page;
}
