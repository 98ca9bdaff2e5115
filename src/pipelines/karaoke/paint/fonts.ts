import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Font } from "../load-project.ts";
import { renderError } from "../render-errors.ts";
import type { CanvasModule } from "./load-canvas.ts";

interface Fallback {
  readonly needs: RegExp;
  /** What the system may have. */
  readonly families: readonly string[];
  /** What may be installed beside Milepost. */
  readonly package: string;
}

/** Fonts for what a project's own do not have, by script. */
const FALLBACKS: readonly Fallback[] = [
  {
    needs: /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}\p{P}]/u,
    families: ["Noto Sans", "DejaVu Sans", "Liberation Sans", "Arial", "Helvetica"],
    package: "@fontsource/noto-sans",
  },
  {
    needs: /\p{Script=Arabic}/u,
    families: ["Noto Sans Arabic", "Noto Naskh Arabic", "Geeza Pro"],
    package: "@fontsource/noto-sans-arabic",
  },
  {
    needs: /\p{Script=Hebrew}/u,
    families: ["Noto Sans Hebrew", "Arial Hebrew"],
    package: "@fontsource/noto-sans-hebrew",
  },
  {
    needs: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。「」]/u,
    families: ["Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic"],
    package: "@fontsource/noto-sans-jp",
  },
  {
    needs: /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u,
    families: ["Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji"],
    package: "@fontsource/noto-color-emoji",
  },
];

/** The weights of a package that will do; the first that is there is taken. */
const WEIGHTS = [700, 400] as const;
const require = createRequire(import.meta.url);
/** By path or package, the name it has in the canvas's table of fonts, which is one for the process; null: it is not there. */
const registered = new Map<string, string | null>();

/**
 * The families that a text is drawn with, as CSS lists them: the project's, then those of the scripts in the text, then whatever is there.
 *
 * @throws {NoRetryError} `INVALID_FONT` for a family that is not installed or a file that is no font.
 */
export function familiesFor(canvas: CanvasModule, fonts: readonly Font[], text: string): string {
  const own = fonts.map((font) =>
    "path" in font ? fileFamily(canvas, font.path) : installedFamily(canvas, font.family),
  );
  const fallbacks = FALLBACKS.filter(({ needs }) => needs.test(text)).flatMap((fallback) => {
    const installed = fallback.families.find((family) => canvas.GlobalFonts.has(family));
    const family = packageFamily(canvas, fallback.package) ?? installed;
    return family === undefined ? [] : [family];
  });
  return [...[...own, ...fallbacks].map((family) => `"${family.replaceAll(/["\\]/g, "")}"`), "sans-serif"].join(", ");
}

function installedFamily({ GlobalFonts }: CanvasModule, family: string): string {
  if (GlobalFonts.has(family)) return family;
  const known = GlobalFonts.families.map((one) => one.family).filter((name) => !name.startsWith("milepost-"));
  const some = known.slice(0, 12).join(", ");
  throw renderError(
    "INVALID_FONT",
    `the font ${JSON.stringify(family)} is not installed (${some === "" ? "no font is" : `there are ${some}`}); install it or name a font file in style.font`,
  );
}

function fileFamily({ GlobalFonts }: CanvasModule, path: string): string {
  const name = `milepost-${hash("sha256", path).slice(0, 16)}`;
  if (!registered.has(path) && GlobalFonts.registerFromPath(path, name) === null) {
    throw renderError("INVALID_FONT", "the font file in style.font is damaged or no font");
  }
  registered.set(path, name);
  return name;
}

function packageFamily({ GlobalFonts }: CanvasModule, name: string): string | null {
  const known = registered.get(name);
  if (known !== undefined) return known;
  const alias = name.replace("@fontsource/", "milepost-");
  const files = packageFiles(name).filter((path) => GlobalFonts.registerFromPath(path, alias) !== null);
  const family = files.length > 0 ? alias : null;
  registered.set(name, family);
  return family;
}

/** A package of fonts is in many files, each with some of the characters. */
function packageFiles(name: string): readonly string[] {
  try {
    const folder = join(dirname(require.resolve(`${name}/LICENSE`)), "files");
    const files = readdirSync(folder);
    const byWeight = WEIGHTS.map((weight) => files.filter((file) => file.endsWith(`-${weight}-normal.woff2`)));
    return (byWeight.find((some) => some.length > 0) ?? []).map((file) => join(folder, file));
  } catch {
    return [];
  }
}
