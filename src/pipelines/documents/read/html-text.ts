import { Parser } from "htmlparser2";
import { documentError, tooMuchText } from "../document-errors.ts";
import { DOCUMENT_LIMITS } from "../document-limits.ts";

/** What is never text of the page. Nothing is ever fetched or run: the parser only cuts the page into tags and text. */
const DROPPED: ReadonlySet<string> = new Set([
  "script",
  "style",
  "noscript",
  "template",
  "svg",
  "math",
  "iframe",
  "object",
]);

/** Tags around which text breaks into paragraphs. */
const BLOCKS: ReadonlySet<string> = new Set(
  (
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hr li main nav ol p pre section summary table td th tr ul"
  ).split(" "),
);

const DEPTH_MAX = 5_000;
/** Between two paragraphs, however many tags are there. */
const BREAK = "\n\n";

/**
 * The title and the text of a page; an empty line ends a paragraph.
 * @throws {NoRetryError} `INVALID_DOCUMENT`, and `DOCUMENT_TOO_LARGE` before all of it is read
 */
export function htmlText(html: string): { readonly title: string | null; readonly text: string } {
  const parts: string[] = [];
  let title = "";
  let isTitle = false;
  let dropped = 0;
  let depth = 0;
  let characters = 0;
  const breakOff = (): void => {
    if (parts.at(-1) !== BREAK) parts.push(BREAK);
  };
  const parser = new Parser({
    onopentagname(name) {
      // The parser takes a time that grows with the depth for each tag.
      if (++depth > DEPTH_MAX) {
        throw documentError("INVALID_DOCUMENT", `the HTML is nested deeper than ${DEPTH_MAX} tags`);
      }
      if (DROPPED.has(name)) dropped++;
      else if (name === "title") isTitle = true;
      else if (BLOCKS.has(name)) breakOff();
    },
    ontext(text) {
      if (dropped > 0) return;
      characters += text.length;
      // Much of it may be space that does not count.
      if (characters > 2 * DOCUMENT_LIMITS.characters) throw tooMuchText(characters);
      if (isTitle) title += text;
      // A line break inside a paragraph is a space.
      else parts.push(text.replace(/\s+/g, " "));
    },
    onclosetag(name) {
      depth--;
      if (DROPPED.has(name)) dropped = Math.max(0, dropped - 1);
      else if (name === "title") isTitle = false;
      else if (BLOCKS.has(name)) breakOff();
    },
  });
  parser.end(html);
  return { title: title.replace(/\s+/g, " ").trim().slice(0, 500) || null, text: parts.join("") };
}
