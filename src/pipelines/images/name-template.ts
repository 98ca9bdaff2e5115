import { isAbsolute, parse, resolve, sep } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isStorableText } from "../../core/json.ts";
import { extensionOf, type TargetFormat } from "./image-format.ts";
import type { ImageOptions } from "./image-options.ts";

const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLACEHOLDERS = ["name", "ext", "format", "width", "height"] as const;

/**
 * Checks a name template once, before anything is submitted.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for an unknown placeholder, `{width}` or `{height}` without that option, or a
 *   template that leads out of `out`.
 */
export function checkTemplate(options: ImageOptions): void {
  const { nameTemplate } = options;
  for (const [text, name] of nameTemplate.matchAll(PLACEHOLDER)) {
    if (!PLACEHOLDERS.some((known) => known === name)) {
      throw invalid(
        `unknown placeholder ${text}; allowed: ${PLACEHOLDERS.map((known) => `{${known}}`).join(" ")}`,
        options,
      );
    }
    if ((name === "width" || name === "height") && options[name] === null) {
      throw invalid(`${text} needs the option ${name}: it stands for the ${name} asked for`, options);
    }
  }
  if (nameTemplate === "" || !isStorableText(nameTemplate) || /[/\\]$/.test(nameTemplate)) {
    throw invalid("it must be the name of a file", options);
  }
  outputPathFrom("name", "jpeg", options);
}

/**
 * The path of an input's output, without regard to other inputs: the template filled in, under `out`.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` if it would lie outside of `out`.
 */
export function outputPathFrom(inputPath: string, format: TargetFormat, options: ImageOptions): string {
  const values: Readonly<Record<string, string>> = {
    name: parse(inputPath).name,
    ext: extensionOf(format),
    format,
    width: String(options.width ?? ""),
    height: String(options.height ?? ""),
  };
  // A function, because a name may hold `$&` and its like.
  const filled = options.nameTemplate.replace(PLACEHOLDER, (_text, name: string) => values[name] ?? "");
  const out = resolve(options.out);
  const path = resolve(out, filled);
  const isInside = path.startsWith(out.endsWith(sep) ? out : out + sep);
  if (!isInside || isAbsolute(filled)) throw invalid("it leads out of the output directory", options);
  return path;
}

function invalid(reason: string, options: ImageOptions): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", `name template ${JSON.stringify(options.nameTemplate)}: ${reason}`, {
    details: { nameTemplate: options.nameTemplate },
  });
}
