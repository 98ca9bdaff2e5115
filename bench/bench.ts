/** `npm run bench -- <name> [options]`: runs one of the benchmarks beside this file. */
const BENCHES = ["engine", "images", "peers", "eta"] as const;

const [name = "", ...options] = process.argv.slice(2);
if (!BENCHES.some((bench) => bench === name)) {
  process.stderr.write(`usage: npm run bench -- ${BENCHES.join("|")} [options]; bench/README.md says which\n`);
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...options);
try {
  await import(name === "eta" ? "./eta/run.ts" : `./${name}.ts`);
} catch (error) {
  // What a measured process had to say, it has said on stderr.
  process.stderr.write(`bench ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
