import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
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

export interface Families {
  /** As CSS lists them. */
  readonly css: string;
  /** What the project names and nobody has. */
  readonly missing: readonly string[];
}

/**
 * The families that a text is drawn with: the project's, as far as they are installed (in the system, or as a package of Fontsource), then
 * those of the scripts in the text, then whatever is there.
 *
 * @throws {NoRetryError} `INVALID_FONT` for a file that is no font.
 */
export function familiesFor(canvas: CanvasModule, fonts: readonly Font[], text: string): Families {
  const own = fonts.map((font) => ("path" in font ? fileFamily(canvas, font.path) : namedFamily(canvas, font.family)));
  const missing = fonts.flatMap((font, index) => (own[index] === null && "family" in font ? [font.family] : []));
  const fallbacks = FALLBACKS.filter(({ needs }) => needs.test(text)).map(
    ({ package: name, families }) =>
      packageFamily(canvas, name) ?? families.find((family) => canvas.GlobalFonts.has(family)) ?? null,
  );
  const found = [...own, ...fallbacks].filter((family) => family !== null);
  return { css: [...found.map((family) => `"${family.replaceAll(/["\\]/g, "")}"`), "sans-serif"].join(", "), missing };
}

/** Null: nobody has it. */
function namedFamily(canvas: CanvasModule, family: string): string | null {
  if (canvas.GlobalFonts.has(family)) return family;
  const slug = family.trim().toLowerCase().replaceAll(" ", "-");
  return /^[a-z0-9-]+$/.test(slug) ? packageFamily(canvas, `@fontsource/${slug}`) : null;
}

function fileFamily({ GlobalFonts }: CanvasModule, path: string): string {
  const name = `milepost-${hash("sha256", path).slice(0, 16)}`;
  if (!registered.has(path) && GlobalFonts.registerFromPath(path, name) === null) {
    throw renderError(
      "INVALID_FONT",
      `${basename(path)}: style.font: is damaged or no font; it must be a .ttf, .otf, .ttc, .woff or .woff2 file`,
    );
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
