/**
 * `npm run check`: everything about the repository that is not a test: types, lint and format, the layers and sizes (tidy),
 * the documents, and whether the packed tarball installs and runs on its own.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types", "npx", "tsc", "-p", "."],
  ["types of the dashboard", "npx", "tsc", "-p", "web"],
  ["types of the React example", "npx", "tsc", "-p", "examples/react"],
  ["lint and format", "npx", "biome", "check", "--error-on-warnings", "."],
  ["tidy and documents", "npx", "vitest", "run", "test/tidy.test.ts", "test/documents.test.ts"],
  ["packed tarball", "node", "scripts/check-package.ts"],
];

for (const [name, command, ...args] of CHECKS) {
  process.stdout.write(`── ${name}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    process.stderr.write(`check failed: ${name}\n`);
    process.exit(1);
  }
}
process.stdout.write("all checks passed\n");
