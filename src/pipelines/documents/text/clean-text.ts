// A hyphen at a line's end as PDFs and typesetters write it: the word goes on.
// biome-ignore lint/suspicious/noControlCharactersInRegex: one of them is a control character
const BROKEN_WORD = /(?<=\p{L})(?:[\u0002\ufffe]|\u00ad\s*)(?=\p{L})/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
const UNREADABLE = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\ufffe\uffff]|\p{Surrogate}/gu;

/** A letter of a script without spaces, or one of its own marks. */
const SPACELESS =
  "[\\p{Script=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]";
/** Where a line of a script without spaces ends and another begins, nothing stands between the letters. */
const WRAP = new RegExp(`(?<=${SPACELESS})[^\\S\\n]*\\n\\s*(?=${SPACELESS})`, "gu");

/**
 * Text as it is kept: without control characters and lone surrogates, white space as single spaces, none where a line of a script without
 * spaces goes on in the next, and a line break only where a paragraph ends.
 *
 * @param lines `wrapped`: a line break alone means nothing (a page); `paragraphs`: an empty line ends a paragraph
 */
export function cleanText(text: string, lines: "wrapped" | "paragraphs"): string {
  const whole = text.replace(/\r\n?/g, "\n").replace(BROKEN_WORD, "").replace(UNREADABLE, " ");
  const paragraphs = lines === "wrapped" ? [whole] : whole.split(/\n[^\S\n]*\n/);
  return paragraphs
    .map((paragraph) => paragraph.replace(WRAP, "").replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .join("\n");
}
