import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const SECRET_BYTES = 32;

/** The key that signs sessions: made once for a folder of files and kept there, so that sessions outlive the server. */
export async function readSecret(folder: string): Promise<Buffer> {
  const path = join(folder, "secret");
  try {
    await writeFile(path, randomBytes(SECRET_BYTES).toString("hex"), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return Buffer.from(await readFile(path, "utf8"), "hex");
}
