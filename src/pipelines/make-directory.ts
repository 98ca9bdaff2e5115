import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it. Node's own recursive way never returns where nothing can be made though the name
 * above is there, as below `/proc`.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    // Another process may have been faster.
    if (error.code === "EEXIST") return;
    const above = dirname(path);
    if (error.code !== "ENOENT" || existsSync(above)) throw error;
    await makeDirectory(above);
    await makeDirectory(path);
  }
}
