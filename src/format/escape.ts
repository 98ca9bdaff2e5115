const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" };

// Controls (C0, DEL, C1), line and paragraph separators, everything that changes direction, zero-width and
// byte-order marks, tags, and lone surrogates: whatever a terminal would obey or a reader could not see.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/**
 * Makes text from outside (file names, messages) safe to show on a terminal, on one line.
 *
 * Controls, line breaks, ANSI sequences and marks that turn the direction of text become visible escapes
 * (`\n`, `\e`, `\x07`, `\u{202e}`); everything else stays as it is. The result is for people, not for reading back.
 */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const named = NAMED[character];
    if (named !== undefined) return named;
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}
