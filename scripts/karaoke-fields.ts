/** `node scripts/karaoke-fields.ts`: writes the table of a project's fields in docs/karaoke.md from the schema; a test compares them. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { karaokeJsonSchema } from "../src/pipelines/karaoke/project.ts";

/** What is used of a JSON Schema. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

const FIELDS_BEGIN = "<!-- fields: node scripts/karaoke-fields.ts -->";
const FIELDS_END = "<!-- fields end -->";

/** The table as it must stand in docs/karaoke.md, with its marks. */
export function fieldsTable(): string {
  const head = ["| field | value | default | meaning |", "| --- | --- | --- | --- |"];
  return [FIELDS_BEGIN, ...head, ...rowsOf(karaokeJsonSchema(), ""), FIELDS_END].join("\n");
}

function rowsOf(schema: Schema, path: string): readonly string[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, field]) => {
    const whole = path === "" ? name : `${path}.${name}`;
    const standard = required.includes(name) && field.const === undefined ? "needed" : shown(field.default);
    // What tells the kinds of an object apart bears the description of its kind.
    const meaning = field.description ?? (field.const === undefined ? "" : (schema.description ?? ""));
    const row = `| \`${whole}\` | ${kindOf(field)} | ${standard} | ${meaning} |`;
    return [row, ...innerRows(field, whole)];
  });
}

function innerRows(field: Schema, path: string): readonly string[] {
  const kinds = field.anyOf ?? field.oneOf ?? [field];
  return kinds.flatMap((kind) => {
    if (kind.type === "array" && kind.items !== undefined) return rowsOf(kind.items, `${path}[]`);
    return kind.type === "object" ? rowsOf(kind, path) : [];
  });
}

function kindOf(field: Schema): string {
  const { type, minimum, maximum } = field;
  const kinds = field.anyOf ?? field.oneOf;
  if (kinds !== undefined) return [...new Set(kinds.map(kindOf))].join(" or ");
  if (field.const !== undefined) return shown(field.const);
  if (field.enum !== undefined) return field.enum.map(shown).join(", ");
  if (type === "array") return `list of ${field.minItems ?? 0} to ${field.maxItems}`;
  if (type === "integer") return `whole number, ${minimum} to ${maximum}`;
  if (type === "number") return field.exclusiveMinimum === undefined ? `${minimum} to ${maximum}` : `up to ${maximum}`;
  if (type === "string" && field.pattern !== undefined) return "colour";
  return type === "boolean" ? "true, false" : type === "string" ? "text" : "object";
}

function shown(value: unknown): string {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0))
    return "";
  return `\`${JSON.stringify(value)}\``;
}

if (import.meta.main) {
  const page = fileURLToPath(new URL("../docs/karaoke.md", import.meta.url));
  const text = readFileSync(page, "utf8");
  const [before, , after] = text.split(new RegExp(`(${FIELDS_BEGIN}[\\s\\S]*${FIELDS_END})`));
  if (after === undefined) throw new Error(`docs/karaoke.md must hold ${FIELDS_BEGIN} and ${FIELDS_END}`);
  writeFileSync(page, before + fieldsTable() + after);
}
