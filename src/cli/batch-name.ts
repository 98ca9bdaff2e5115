import { createHash } from "node:crypto";
import type { Json } from "../core/json.ts";

/**
 * The name of a batch whose user gave none: made of its options, so that the same command finds the same batch again, also on a
 * folder that grew, and other options never mix with it.
 *
 * @param label what a person will know it by: the output folder, the program
 */
export function batchNameFrom(pipeline: string, label: string, options: { readonly [name: string]: Json }): string {
  const readable = label.replaceAll(/[^\w.-]+/g, "_").slice(0, 60) || "out";
  return `${pipeline}-${readable}-${digestOf(options)}`;
}

/** Eight hexadecimal digits that differ for other options. */
export function digestOf(options: { readonly [name: string]: Json }): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 8);
}
