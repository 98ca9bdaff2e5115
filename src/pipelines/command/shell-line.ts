import type { Argv } from "./compile-command.ts";

/**
 * One command as a line for the launcher's shell: in the folder `cwd`, with `env` added to the environment. Every word is
 * quoted: to the shell they are words and nothing else. Its program must be a path, so that no builtin of the shell answers to it.
 */
export function toShellLine(
  argv: Argv,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): string {
  const settings = Object.entries(options.env).map(([name, value]) => `${name}=${quote(value)} `);
  return `cd ${quote(options.cwd)} && ${settings.join("")}${argv.map(quote).join(" ")}`;
}

/** The shell reads line by line, so a line break goes in by a variable that holds one. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''").replaceAll("\n", `'"$MILEPOST_NEWLINE"'`)}'`;
}
