import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Compiles the package and the benchmarks, as they are now, into `folder`, with the settings of `npm run build`. What is
 * measured is what users install; an edit or a build meanwhile changes nothing; and no measured process carries the memory
 * that Node needs to read TypeScript (18 MB).
 *
 * @throws {Error} if something does not compile; the compiler has said what on stderr.
 */
export function compile(folder: string): void {
  const compiler = createRequire(import.meta.url)
    .resolve("typescript/package.json")
    .replace("package.json", "bin/tsc");
  const { status } = spawnSync(process.execPath, [compiler, "-p", "bench/tsconfig.json", "--outDir", folder], {
    cwd: root,
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status !== 0)
    throw new Error("the package does not compile; `npx tsc -p bench/tsconfig.json --noEmit` shows why");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const packages of ["node_modules", "bench/peers/node_modules"]) {
    if (existsSync(join(root, packages))) symlinkSync(join(root, packages), join(folder, packages), "junction");
  }
}
