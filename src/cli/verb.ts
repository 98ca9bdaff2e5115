import { Command } from "commander";

export interface VerbSpec {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** What it does, and what it does not; shown first in its help. */
  readonly description: string;
  /** Command lines as a user types them, each with what it is for. */
  readonly examples: readonly (readonly [command: string, purpose: string])[];
}

/** A verb of the command line with its help, ready for arguments, options and an action. */
export function declareVerb(spec: VerbSpec): Command {
  const width = Math.max(...spec.examples.map(([command]) => command.length));
  const examples = spec.examples.map(([command, purpose]) => `  ${command.padEnd(width)}  ${purpose}`);
  return new Command(spec.name)
    .summary(spec.summary)
    .description(spec.description)
    .addHelpText("after", `\nExamples:\n${examples.join("\n")}\n`);
}
