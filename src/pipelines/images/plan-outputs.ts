import { realpath } from "node:fs/promises";
import { basename, dirname, join, parse } from "node:path";
import type { Json } from "../../core/json.ts";
import { extensionOf, type TargetFormat, targetOf } from "./image-format.ts";
import type { ImageOptions } from "./image-options.ts";
import { type InputFacts, inspectInput } from "./inspect-input.ts";
import { outputPathFrom } from "./name-template.ts";

/** What a planned item carries as its input. */
export type PlannedInput = {
  /** Absolute path that the item writes. */
  readonly output: string;
  /** An input of the batch that lies at that path; the item then fails instead of overwriting it. */
  readonly overwrites?: string;
};

/** An item of an image batch, ready to be submitted. */
export interface PlannedImage {
  /** The input's absolute path. */
  readonly key: string;
  readonly input: PlannedInput;
  /** Bytes of the input; null if it cannot be read. */
  readonly size: number | null;
  /** The input's format by its content; null if it is none that is read. */
  readonly kind: string | null;
}

/**
 * Gives each input its own output path, in order, before anything runs.
 *
 * Inputs that would write the same file get `-2`, `-3` … before the extension, by their order; names that differ only in
 * case count as the same, because on some file systems they are. An item that its batch knows already (`known`: key → output,
 * see `plannedOutput`) keeps its path, and no other gets it: so the same command on a folder that grew never moves an old
 * output. An input that cannot be read is planned too, and fails when it runs. Nothing is created or written.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` if an output would lie outside of `options.out`.
 */
export async function* planOutputs(
  inputs: readonly string[],
  options: ImageOptions,
  known: ReadonlyMap<string, string> = new Map(),
): AsyncGenerator<PlannedImage> {
  const names = new OutputNames(known.values());
  const directories = new RealDirectories();
  const inputAt = new Map<string, string>();
  for (const input of inputs) inputAt.set(folded(await directories.resolve(input)), input);

  for (const key of new Set(inputs)) {
    const facts = await factsOf(key);
    const output = known.get(key) ?? names.take(outputPathFrom(key, formatFor(key, facts, options), options));
    const overwritten = inputAt.get(folded(await directories.resolve(output)));
    yield {
      key,
      input: overwritten === undefined ? { output } : { output, overwrites: overwritten },
      size: facts?.bytes ?? null,
      kind: facts?.format ?? null,
    };
  }
}

/** The output path in an item's input, as `planOutputs` made it; null in any other input. */
export function plannedOutput(input: Json): string | null {
  return textIn(input, "output");
}

/** The path of the image in an item's input, where it is not the item's key. */
export function plannedSource(input: Json): string | null {
  return textIn(input, "source");
}

function textIn(input: Json, name: "output" | "source"): string | null {
  const fields = typeof input === "object" && input !== null ? (input as { readonly [Name in string]?: unknown }) : {};
  const text = fields[name];
  return typeof text === "string" ? text : null;
}

async function factsOf(path: string): Promise<InputFacts | null> {
  try {
    return inspectInput(path);
  } catch {
    return null;
  }
}

function formatFor(path: string, facts: InputFacts | null, options: ImageOptions): TargetFormat {
  if (facts !== null) return targetOf(options.format, facts.format);
  if (options.format !== "keep") return options.format;
  const extension = parse(path).ext.toLowerCase().slice(1);
  return (["png", "webp", "avif"] as const).find((format) => extension === extensionOf(format)) ?? "jpeg";
}

/** Hands out each path once. */
class OutputNames {
  readonly #taken = new Set<string>();
  /** Where to go on counting, so that a thousand equal names do not cost a million tries. */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    for (const path of taken) this.#taken.add(folded(path));
  }

  take(path: string): string {
    const { dir, name, ext } = parse(path);
    let candidate = path;
    let number = this.#next.get(folded(path)) ?? 2;
    while (this.#taken.has(folded(candidate))) candidate = join(dir, `${name}-${number++}${ext}`);
    this.#next.set(folded(path), number);
    this.#taken.add(folded(candidate));
    return candidate;
  }
}

/** Resolves links in the directory of a path, not in its last part: a rename replaces that, whatever it points to. */
class RealDirectories {
  readonly #known = new Map<string, string>();

  async resolve(path: string): Promise<string> {
    return join(await this.#directory(dirname(path)), basename(path));
  }

  async #directory(path: string): Promise<string> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const real = await realpath(path).catch(() => null);
    // What is not there yet will be made inside the nearest directory that is.
    const resolved =
      real ?? (dirname(path) === path ? path : join(await this.#directory(dirname(path)), basename(path)));
    this.#known.set(path, resolved);
    return resolved;
  }
}

function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
