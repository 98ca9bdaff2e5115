import { Parser } from "htmlparser2";
import { documentError } from "../document-errors.ts";

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

/**
 * The title and the text of a page; an empty line ends a paragraph.
 * @throws {NoRetryError} `INVALID_DOCUMENT`
 */
export function htmlText(html: string): { readonly title: string | null; readonly text: string } {
  const parts: string[] = [];
  let title = "";
  let isTitle = false;
  let dropped = 0;
  let depth = 0;
  const parser = new Parser({
    onopentagname(name) {
      // The parser takes a time that grows with the depth for each tag.
      if (++depth > DEPTH_MAX) {
        throw documentError("INVALID_DOCUMENT", `the HTML is nested deeper than ${DEPTH_MAX} tags`);
      }
      if (DROPPED.has(name)) dropped++;
      else if (name === "title") isTitle = true;
      else if (BLOCKS.has(name)) parts.push("\n\n");
    },
    ontext(text) {
      if (dropped > 0) return;
      if (isTitle) title += text;
      // A line break inside a paragraph is a space.
      else parts.push(text.replace(/\s+/g, " "));
    },
    onclosetag(name) {
      depth--;
      if (DROPPED.has(name)) dropped = Math.max(0, dropped - 1);
      else if (name === "title") isTitle = false;
      else if (BLOCKS.has(name)) parts.push("\n\n");
    },
  });
  parser.end(html);
  return { title: title.replace(/\s+/g, " ").trim().slice(0, 500) || null, text: parts.join("") };
}
