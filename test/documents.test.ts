import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "./support/open-for-test.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const OUTSIDE_DOCS = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "bench/README.md",
  "examples/README.md",
  "examples/cluster/README.md",
  "examples/react/README.md",
  "test/simulation/README.md",
];
const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
const pages = [...OUTSIDE_DOCS, ...docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];

/** True if a link of a page leads to a file or folder and, if it names one, to a heading there, as GitHub calls it. */
function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  const headings = [...(heading === undefined ? "" : read(target)).matchAll(/^#+ (.*)$/gm)];
  const names = headings.map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return heading === undefined || names.includes(heading);
}

describe("documents", () => {
  test("the README's example runs and prints what it says", () => {
    const example = /```ts\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
    expect(example.trim().split("\n").length).toBeLessThanOrEqual(25);
    const folder = temporaryFolder();
    const entry = pathToFileURL(join(root, "src/index.ts")).href;
    writeFileSync(join(folder, "example.ts"), example.replace('"milepost"', JSON.stringify(entry)));
    const printed = execFileSync(process.execPath, ["example.ts"], { cwd: folder, encoding: "utf8" });
    expect(printed).toContain("100 {");
    expect(printed).toContain("completed: 2");
    expect(printed).toContain("there is nothing to measure");
    expect(existsSync(join(folder, "work.db"))).toBe(true);
  });

  test("the code of docs/react.md is that of its example, the first of it a whole file", () => {
    const files = readdirSync(join(root, "examples/react"))
      .filter((name) => name.endsWith(".tsx"))
      .map((name) => read(`examples/react/${name}`));
    const blocks = [...read("docs/react.md").matchAll(/```tsx\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
    expect(blocks[0]).toBe(read("examples/react/progress.tsx"));
    expect(blocks.filter((block) => !files.some((file) => file.includes(block)))).toEqual([]);
  });

  test.each(pages)("every local link of %s leads somewhere", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((match) => match[1] ?? "");
    expect(links.filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  test("CONTRIBUTING names every npm script, and there are at most ten", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const names = Object.keys(scripts).filter((name) => name !== "prepare");
    expect(names.length).toBeLessThanOrEqual(10);
    const contributing = read("CONTRIBUTING.md");
    expect(names.filter((name) => !contributing.includes(name === "test" ? "`npm test`" : `npm run ${name}`))).toEqual(
      [],
    );
  });

  test("ARCHITECTURE names every layer", () => {
    const layers = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const architecture = read("ARCHITECTURE.md");
    expect(layers.map(({ name }) => name).filter((name) => !architecture.includes(`\`${name}\``))).toEqual([]);
  });
});
