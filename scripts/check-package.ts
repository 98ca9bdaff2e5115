/** Packs the package as it would be published, installs the tarball in an empty folder, and uses it there as a stranger would. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "milepost-package-"));

const PROGRAM = `
import { openMilepost, StatusTracker, ProcessingState, ProgressTracker, Status, MilepostError } from "milepost";
import { createClient } from "milepost/client";
import { createServer } from "milepost/server";
import { StatusTracker as Browser } from "milepost/status";
if (Browser !== StatusTracker || ProcessingState.PENDING !== "pending" || Status.ERROR !== "error") throw new Error("exports");
if (typeof ProgressTracker !== "function" || typeof MilepostError !== "function") throw new Error("exports");
await using milepost = await openMilepost("work.db");
milepost.pipeline("double", (item) => item.input * 2);
await milepost.work({ concurrency: 2 });
const { batch } = await milepost.submit({ pipeline: "double", items: [{ key: "a", input: 21 }] });
const { outcome } = await batch.done();
await using server = await createServer(milepost, { port: 0, files: process.cwd() + "/files" });
const url = await server.listen();
if (!(await (await fetch(url)).text()).includes("/assets/")) throw new Error("the dashboard is not in the package");
const client = createClient({ url, token: server.token });
const { batches } = await client.batches();
console.log(outcome, (await batch.item("a").snapshot()).output, batches.length);
`;

/** Pages whose code in TypeScript must compile as it is printed. */
const PRINTED = ["README.md", "docs/documents.md", "docs/exports.md", "docs/http.md"];

/** What a web app of a stranger imports, and with which types; their server may render it. */
const PAGE = `
import { createElement } from "react";
import { type Client, createClient, type WireBatch, type WireChangedItem } from "milepost/client";
import { BatchProgress, type BatchProgressProps, useBatch, useItems, type FollowState } from "milepost/react";
const client: Client = createClient({ url: "http://127.0.0.1:1" });
const props: BatchProgressProps = { client, batchId: "019a0000-0000-7000-8000-000000000001" };
export function Page() {
  const { batch, state, restart } = useBatch(client, props.batchId);
  const { items, loadMore } = useItems(client, props.batchId, { state: "failed", limit: 10 });
  const [first]: readonly WireChangedItem[] = items;
  const shown: WireBatch | null = batch;
  const texts: readonly (string | null | undefined)[] = [shown?.name, first?.error?.message];
  const followed: FollowState = state;
  const acts: readonly [() => void, () => Promise<void>] = [restart, loadMore];
  return createElement(BatchProgress, { ...props, label: [followed, texts.length, acts.length].join(" ") });
}
`;
const RENDER = `
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { Page } from "./page.js";
console.log(renderToStaticMarkup(createElement(Page)));
`;

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  return stdout;
}

/** With the React, the types and the compiler of this checkout; all of Milepost comes from the tarball. */
function checkTypes(): void {
  for (const name of ["react", "react-dom", "@types"]) {
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  writeFileSync(join(folder, "page.ts"), PAGE);
  writeFileSync(join(folder, "render.js"), RENDER);
  const printed = PRINTED.flatMap((path) => [
    ...readFileSync(join(root, path), "utf8").matchAll(/```ts\n([\s\S]*?)```/g),
  ]);
  const examples = printed.map(([, code = ""], index) => ({ name: `example-${index}.ts`, code }));
  for (const { name, code } of examples) writeFileSync(join(folder, name), code);
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const files = ["page.ts", ...examples.map(({ name }) => name)];
  run(process.execPath, [compiler, "--strict", "--module", "nodenext", "--types", "node", ...files], folder);
  const rendered = run(process.execPath, ["render.js"], folder);
  if (!rendered.includes("<progress")) throw new Error(`the page rendered ${JSON.stringify(rendered)}`);
}

try {
  run("npm", ["pack", "--pack-destination", folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeFileSync(join(folder, "program.js"), PROGRAM);
  run("npm", ["install", `./${tarball}`], folder);
  const printed = run(process.execPath, ["program.js"], folder);
  if (printed.trim() !== "success 42 1")
    throw new Error(`the program printed ${JSON.stringify(printed)}, not "success 42 1"`);
  const listed = run(
    process.execPath,
    ["node_modules/milepost/bin/milepost.js", "list", "--store", "work.db", "--json"],
    folder,
  );
  if (!listed.includes('"double"')) throw new Error(`milepost list printed ${JSON.stringify(listed)}`);
  checkTypes();
  process.stdout.write(`${tarball} installs and runs\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
