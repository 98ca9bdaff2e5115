// What no renderer should see: controls (those that are white space become spaces), soft hyphens, embeddings, overrides and
// isolates of direction, byte order marks, interlinear marks, non-characters, lone surrogates. Joiners and the marks LRM, RLM
// and ALM stay: words need them.
const UNWANTED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
  /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]|\p{Surrogate}/gu;
const SPACES = /[ \t\n\v\f\r\u0085\u2028\u2029]+/g;

/**
 * Text of lyrics as it is kept: in NFC, without controls and what turns the direction of other text (the letters decide it); white
 * space as single spaces, at its ends too. No-break and ideographic spaces stay as they are.
 *
 * Give it short text: putting thousands of combining marks in order takes time in their square.
 */
export function cleanText(text: string): string {
  return text.replace(UNWANTED, "").replace(SPACES, " ").normalize("NFC");
}
