/** `npm run bench -- <name> [options]`: runs one of the benchmarks beside this file. */
const BENCHES: Readonly<Record<string, string>> = {
  engine: "./engine.ts",
  images: "./images.ts",
  documents: "./documents.ts",
  karaoke: "./karaoke.ts",
  command: "./command.ts",
  peers: "./peers.ts",
  postgres: "./postgres.ts",
  scaling: "./scaling.ts",
  endurance: "./endurance.ts",
  eta: "./eta/run.ts",
  http: "./http.ts",
};

const [name = "", ...options] = process.argv.slice(2);
const file = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (file === undefined) {
  process.stderr.write(
    `usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [options]; bench/README.md says which\n`,
  );
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...options);
try {
  await import(file);
} catch (error) {
  // What a measured process had to say, it has said on stderr.
  process.stderr.write(`bench ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
