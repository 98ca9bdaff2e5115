import { randomUUID } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * A secret that is made once for a folder of files and kept there, so that what it signed outlives the server. It appears
 * whole or not at all: a half one, left by a crash, would be easy to guess.
 */
export async function readSecret(folder: string, name: string, make: () => string): Promise<string> {
  const path = join(folder, name);
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (known !== null) return known.trim();
  const draft = join(folder, `.${name}-${randomUUID()}`);
  try {
    const file = await open(draft, "wx", 0o600);
    await file.writeFile(make());
    await file.sync();
    await file.close();
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      // Another server was here first: its secret holds.
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, "utf8")).trim();
}
