import { parse } from "node:path";
import type { Json } from "../../core/json.ts";
import { folded, OutputNames, RealDirectories } from "../output-names.ts";
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
