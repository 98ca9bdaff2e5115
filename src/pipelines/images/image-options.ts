import { isAbsolute } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isStorableText } from "../../core/json.ts";
import { checkTemplate } from "./name-template.ts";

export const IMAGE_FITS = ["inside", "outside", "cover", "contain", "fill"] as const;
export const IMAGE_FORMATS = ["keep", "jpeg", "png", "webp", "avif"] as const;

/** Bounds of what is decoded and made: no image may cost more memory than these allow. */
export const IMAGE_LIMITS = {
  /** Pixels of an input, and of an output that is enlarged. */
  pixels: 50_000_000,
  /** Pixels of one side. */
  side: 10_000,
} as const;

/** How a batch of images is converted: the options of a batch of the pipeline `images`. A type, not an interface, so that it is `Json`. */
export type ImageOptions = {
  /** The directory that outputs go to; an absolute path. */
  readonly out: string;
  /** Pixels, 1 to 10,000; null to follow the other side, or the input if both are null. */
  readonly width: number | null;
  readonly height: number | null;
  /** How width and height are met if both are given: `inside` (default) fits within both and keeps the proportions. */
  readonly fit: (typeof IMAGE_FITS)[number];
  /** True (default): an image that is smaller already stays as large as it is. */
  readonly withoutEnlargement: boolean;
  /** `keep` (default) writes the input's own format; GIF and TIFF become PNG. */
  readonly format: (typeof IMAGE_FORMATS)[number];
  /** 1 to 100; null for the encoder's default. PNG is lossless and has none. */
  readonly quality: number | null;
  /** Path of an output under `out`, with `{name} {ext} {format} {width} {height}`; default `{name}.{ext}`. */
  readonly nameTemplate: string;
};

const NAMES = ["out", "width", "height", "fit", "withoutEnlargement", "format", "quality", "nameTemplate"] as const;

/**
 * Checks the options of a batch and fills in the defaults. What is `undefined` or null counts as not given.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, naming the option, what was expected and what was found.
 */
export function toImageOptions(given: unknown): ImageOptions {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw refused("the options of an image batch", "an object with at least `out`", given);
  }
  const fields: Readonly<Record<string, unknown>> = { ...given };
  const stranger = Object.keys(fields).find((name) => !NAMES.some((known) => known === name));
  if (stranger !== undefined) throw refused("an image option", `one of ${NAMES.join(", ")}`, stranger);

  const options: ImageOptions = {
    out: toDirectory(fields.out),
    width: toWhole("width", fields.width, IMAGE_LIMITS.side),
    height: toWhole("height", fields.height, IMAGE_LIMITS.side),
    fit: toOneOf("fit", fields.fit, IMAGE_FITS),
    withoutEnlargement: toBoolean("withoutEnlargement", fields.withoutEnlargement, true),
    format: toOneOf("format", fields.format, IMAGE_FORMATS),
    quality: toWhole("quality", fields.quality, 100),
    nameTemplate: toText("nameTemplate", fields.nameTemplate, "{name}.{ext}"),
  };
  const { width, height } = options;
  if (width !== null && height !== null && width * height > IMAGE_LIMITS.pixels) {
    throw refused("width × height", `at most ${IMAGE_LIMITS.pixels} pixels`, width * height);
  }
  checkTemplate(options);
  return options;
}

function toDirectory(value: unknown): string {
  if (typeof value !== "string" || !isAbsolute(value) || !isStorableText(value)) {
    throw refused("out", "the absolute path of the directory to write to", value);
  }
  return value;
}

function toWhole(name: string, value: unknown, maximum: number): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maximum) return value;
  throw refused(name, `a whole number from 1 to ${maximum}`, value);
}

function toOneOf<const T extends string>(name: string, value: unknown, allowed: readonly [T, ...T[]]): T {
  if (value === undefined || value === null) return allowed[0];
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw refused(name, `one of ${allowed.join(", ")}`, value);
  return found;
}

function toBoolean(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined || value === null) return byDefault;
  if (typeof value !== "boolean") throw refused(name, "true or false", value);
  return value;
}

function toText(name: string, value: unknown, byDefault: string): string {
  if (value === undefined || value === null) return byDefault;
  if (typeof value !== "string") throw refused(name, "a text", value);
  return value;
}

function refused(what: string, expected: string, found: unknown): MilepostError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new MilepostError("INVALID_ARGUMENT", `${what} must be ${expected}; found ${shown}`, { details: { found } });
}
