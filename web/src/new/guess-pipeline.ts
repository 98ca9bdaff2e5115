import type { WirePipeline } from "./option-fields.ts";

/** Of endings that browsers know no type for, or not everywhere the same. */
const TYPES: Readonly<Record<string, string>> = {
  md: "text/markdown",
  markdown: "text/markdown",
  lrc: "text/x-lrc",
  ass: "text/x-ssa",
  json: "application/json",
  wav: "audio/wav",
  ogg: "audio/ogg",
  m4a: "audio/mp4",
  aac: "audio/aac",
  avif: "image/avif",
  tif: "image/tiff",
  tiff: "image/tiff",
};

/** What a file seems to be by its name; the server looks at what is in it. */
function guessType({ name, type }: Pick<File, "name" | "type">): string {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return TYPES[ending] ?? type;
}

/** The pipeline that most likely is meant: the first that takes all the files, else the one that takes most of them. */
export function guessPipeline(
  pipelines: readonly WirePipeline[],
  files: readonly Pick<File, "name" | "type">[],
): WirePipeline | null {
  const types = files.map(guessType);
  const taken = pipelines.map(({ accepts }) => types.filter((type) => accepts.includes(type)).length);
  const most = Math.max(0, ...taken);
  return most === 0 ? null : (pipelines[taken.indexOf(most)] ?? null);
}
