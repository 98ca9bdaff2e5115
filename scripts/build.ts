/**
 * Compiles `src` to `dist` and builds the dashboard to `dist/web`. Runs as `prepare`, so that `npm ci` in a checkout leaves a
 * working `milepost`.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildWeb } from "./build-web.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
const compiler = createRequire(import.meta.url)
  .resolve("typescript/package.json")
  .replace("package.json", "bin/tsc");
const built = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
if (built.status === 0) await buildWeb(fileURLToPath(new URL("../dist/web", import.meta.url)));
process.exitCode = built.status ?? 1;
