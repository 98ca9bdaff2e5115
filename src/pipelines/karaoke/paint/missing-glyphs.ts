import { renderError } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import type { Families } from "./fonts.ts";
import type { CanvasModule } from "./load-canvas.ts";

const SIDE = 24;
const NAMED = 8;
/** What has a shape of its own: letters, digits, pictographs; marks, joiners and spaces are drawn with others. */
const VISIBLE = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

/**
 * Checks that a text can be drawn: a character that no font has is drawn as a box, in pixels the same as one that cannot exist.
 *
 * @throws {NoRetryError} `MISSING_GLYPHS`, naming the characters and what to do.
 */
export function assertGlyphs({ createCanvas }: CanvasModule, families: Families, text: string): void {
  const context = createCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  context.font = `${SIDE / 2}px ${families.css}`;
  const draw = (character: string): string => {
    context.clearRect(0, 0, SIDE, SIDE);
    context.fillText(character, SIDE / 4, SIDE * 0.7);
    return Buffer.from(context.getImageData(0, 0, SIDE, SIDE).data.buffer).toString("latin1");
  };
  const box = draw("\u{10ffff}");
  const characters = [...new Set(text)].filter((character) => VISIBLE.test(character)).slice(0, RENDER_LIMITS.glyphs);
  const missing = characters.filter((character) => draw(character) === box);
  if (missing.length === 0) return;
  const named = missing.slice(0, NAMED).map((character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `${character} (U+${code})`;
  });
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : "";
  const asked = families.missing.length === 0 ? "" : ` (${families.missing.join(", ")}: not installed)`;
  throw renderError(
    "MISSING_GLYPHS",
    `no font here has ${named.join(", ")}${more}${asked}; install one that has (a Noto font, or an @fontsource package) or name its file in style.font`,
  );
}
