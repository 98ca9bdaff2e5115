import { randomUUID } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * A text that is made once for a folder of files and kept there for whatever server comes after, such as the secret that signs
 * sessions. It appears whole or not at all: half a secret, left by a crash, would be easy to guess.
 */
export async function keptText(folder: string, name: string, make: () => string): Promise<string> {
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
      // Another server was here first: what it made holds.
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, "utf8")).trim();
}
