import { isAbsolute, parse, relative, resolve, sep } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import type { KaraokeOptions } from "./karaoke-options.ts";

const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLACEHOLDERS = ["name", "preset"] as const;

type NameOptions = Pick<KaraokeOptions, "nameTemplate" | "preset">;

/**
 * Checks a name template once, before anything is submitted.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for an unknown placeholder, `{preset}` without that option, or a template that leads out of
 * the folder.
 */
export function checkVideoTemplate(options: NameOptions): void {
  for (const [text, name] of options.nameTemplate.matchAll(PLACEHOLDER)) {
    if (!PLACEHOLDERS.some((known) => known === name)) {
      const known = PLACEHOLDERS.map((placeholder) => `{${placeholder}}`).join(" ");
      throw invalid(`unknown placeholder ${text}; allowed: ${known}`, options);
    }
    if (name === "preset" && options.preset === null) throw invalid("{preset} needs the option preset", options);
  }
  if (/[/\\]$/.test(options.nameTemplate)) throw invalid("it must be the name of a file", options);
  // Any folder shows it, but the root, which nothing leads out of.
  videoPathFrom("name", resolve("out"), options);
}

/**
 * The path of a project's video, without regard to other projects: the template filled in, under `out`.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` if it would lie outside of `out`.
 */
export function videoPathFrom(projectPath: string, out: string, options: NameOptions): string {
  const values: Readonly<Record<string, string>> = { name: parse(projectPath).name, preset: options.preset ?? "" };
  // A function, because a name may hold `$&` and its like.
  const filled = options.nameTemplate.replace(PLACEHOLDER, (_text, name: string) => values[name] ?? "");
  const path = resolve(out, filled);
  const inside = relative(out, path);
  if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside) || isAbsolute(filled)) {
    throw invalid("it leads out of the folder", options);
  }
  return path;
}

function invalid(reason: string, { nameTemplate }: NameOptions): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", `name template ${JSON.stringify(nameTemplate)}: ${reason}`, {
    details: { nameTemplate },
  });
}
