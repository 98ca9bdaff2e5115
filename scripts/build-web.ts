import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { build } from "vite";

const COMPRESSED = [".js", ".css", ".html", ".svg"];

/** Builds the dashboard to a folder, each file beside itself compressed, so that no server has to do it. */
export async function buildWeb(folder: string, { isCompressed = true } = {}): Promise<void> {
  const { NODE_ENV } = process.env;
  // React has another build for those who develop, and tests say that they do.
  process.env.NODE_ENV = "production";
  try {
    await build({
      configFile: false,
      root: fileURLToPath(new URL("../web", import.meta.url)),
      logLevel: "warn",
      plugins: [react()],
      build: {
        outDir: folder,
        emptyOutDir: true,
        target: "es2023",
        // Nothing inline: the policy of the page forbids it.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
      },
    });
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  if (!isCompressed) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!COMPRESSED.includes(extname(name))) continue;
    const path = join(folder, name);
    const content = readFileSync(path);
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}
