import { MilepostError } from "../../core/errors.ts";
import { isRecord } from "./json-values.ts";
import { findPreset, type Preset, type Presets } from "./presets.ts";

/**
 * A project with the values of its presets. Later ones count: the preset that the project names, the project's own values, the
 * preset of the command. What is no project stays as it is, to be refused by the schema.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for an unknown preset, listing the known ones.
 */
export function applyPresets(value: unknown, source: string, presets: Presets, above: Preset | undefined): unknown {
  if (!isRecord(value)) return value;
  const below = typeof value.preset === "string" ? namedIn(value.preset, source, presets) : undefined;
  if (below === undefined && above === undefined) return value;
  return {
    ...value,
    ...merged("video", value, below, above),
    ...merged("style", value, below, above),
  };
}

function merged(
  part: "video" | "style",
  value: Readonly<Record<string, unknown>>,
  below: Preset | undefined,
  above: Preset | undefined,
): Readonly<Record<string, unknown>> {
  const own = value[part] ?? {};
  return isRecord(own) ? { [part]: { ...below?.[part], ...own, ...above?.[part] } } : {};
}

function namedIn(name: string, source: string, presets: Presets): Preset {
  try {
    return findPreset(presets, name);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new MilepostError("INVALID_ARGUMENT", `${source}: preset: ${message}`, { details: { source }, cause: error });
  }
}
