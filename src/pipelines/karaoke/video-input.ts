import type { Json } from "../../core/json.ts";

/** What an item of the pipeline `karaoke` carries. A type, not an interface, so that it is `Json`. */
export type VideoInput = {
  /** The path of a project's file, or the project itself. */
  readonly project: Json;
  readonly outputPath: string;
  /** Absolute: relative paths start here; those in a project's file, at that file. */
  readonly baseFolder: string;
  /** Options for this one, before those of the batch. */
  readonly settings?: { readonly [name: string]: Json };
  /** What the project's file is called in messages. */
  readonly filename?: string;
  /** The files that the project may name, and where each lies: a path from the project's folder. */
  readonly files?: { readonly [name: string]: string };
  /** An input of the batch that lies at the output's path; the item then fails instead of overwriting it. */
  readonly overwrites?: string;
};
