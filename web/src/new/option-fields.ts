import type { WirePipelines } from "../../../src/wire/pipelines.ts";

export type WirePipeline = WirePipelines["pipelines"][number];
type Value = string | number | boolean;

/** An option of a pipeline as a form asks for it. What is left empty is left to the pipeline. */
export interface OptionField {
  readonly name: string;
  readonly label: string;
  /** What it means, in the pipeline's words. */
  readonly note: string;
  readonly kind: "number" | "choice" | "yes-no" | "text";
  readonly choices: readonly string[];
  readonly least: number | null;
  readonly most: number | null;
  readonly isWhole: boolean;
}

export interface ReadOptions {
  readonly options: Readonly<Record<string, Value>>;
  /** By field, what is wrong with what was typed. */
  readonly problems: ReadonlyMap<string, string>;
}

type Schema = Readonly<Record<string, unknown>>;

/** The fields of a pipeline's options, made of their JSON Schema; what no field can ask for is left out. */
export function optionFields({ options }: Pick<WirePipeline, "options">): readonly OptionField[] {
  const properties = asSchema(asSchema(options)?.properties) ?? {};
  return Object.entries(properties).flatMap(([name, value]) => {
    const outer = asSchema(value);
    const inner = outer === null ? null : withoutNull(outer);
    const kind = inner === null ? null : kindOf(inner);
    if (outer === null || inner === null || kind === null) return [];
    return [
      {
        name,
        label: labelOf(name),
        note: typeof outer.description === "string" ? outer.description : "",
        kind,
        choices: Array.isArray(inner.enum) ? inner.enum.filter((choice) => typeof choice === "string") : [],
        least: numberIn(inner.minimum),
        most: numberIn(inner.maximum),
        isWhole: inner.type === "integer",
      },
    ];
  });
}

/** What was typed, as options; whatever is not valid is told and left out. */
export function readOptions(fields: readonly OptionField[], typed: ReadonlyMap<string, string>): ReadOptions {
  const options: Record<string, Value> = {};
  const problems = new Map<string, string>();
  for (const field of fields) {
    const text = typed.get(field.name)?.trim() ?? "";
    if (text === "") continue;
    const value = typedValue(field, text);
    if (value === null) problems.set(field.name, rangeWords(field));
    else options[field.name] = value;
  }
  return { options, problems };
}

/** `a whole number from 1 to 100`. */
export function rangeWords({ isWhole, least, most }: Pick<OptionField, "isWhole" | "least" | "most">): string {
  const range = [least === null ? "" : ` from ${least}`, most === null ? "" : ` to ${most}`].join("");
  return `It must be a ${isWhole ? "whole " : ""}number${range}.`;
}

function typedValue(field: OptionField, text: string): Value | null {
  if (field.kind === "yes-no") return text === "yes";
  if (field.kind !== "number") return text;
  const value = Number(text);
  if (!Number.isFinite(value) || (field.isWhole && !Number.isInteger(value))) return null;
  if (field.least !== null && value < field.least) return null;
  return field.most !== null && value > field.most ? null : value;
}

/** A value that may be null is asked for as one that may be left out. */
function withoutNull(schema: Schema): Schema {
  if (!Array.isArray(schema.anyOf)) return schema;
  const parts = schema.anyOf.map(asSchema).filter((part) => part !== null);
  const [only, ...others] = parts.filter(({ type }) => type !== "null");
  return only !== undefined && others.length === 0 ? only : {};
}

function kindOf(schema: Schema): OptionField["kind"] | null {
  if (Array.isArray(schema.enum)) return "choice";
  if (schema.type === "boolean") return "yes-no";
  if (schema.type === "integer" || schema.type === "number") return "number";
  return schema.type === "string" ? "text" : null;
}

/** `withoutEnlargement` as `Without enlargement`. */
function labelOf(name: string): string {
  const words = name.replaceAll(
    /([a-z\d])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function asSchema(value: unknown): Schema | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : null;
}

function numberIn(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
