/** `npm run bench -- <name> [options]`: runs one of the benchmarks beside this file. */
const BENCHES = ["engine", "images"] as const;

const [name = "", ...options] = process.argv.slice(2);
if (!BENCHES.some((bench) => bench === name)) {
  process.stderr.write(`usage: npm run bench -- ${BENCHES.join("|")} [options]; each file in bench/ says its own\n`);
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...options);
await import(`./${name}.ts`);
