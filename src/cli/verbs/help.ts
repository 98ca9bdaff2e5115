import { Command } from "commander";

/** `help run images` is `run images --help`. @param program made by `buildProgram`, which this verb becomes a part of */
export function helpVerb(program: Command): Command {
  return new Command("help")
    .argument("[verb...]", "the verb; none: all of them")
    .summary("print help for a verb")
    .description("Prints the help of a verb, as --help behind it does.")
    .action(async (names: readonly string[]) => {
      let shown = program;
      for (const name of names) {
        const verb = shown.commands.find((command) => command.name() === name);
        if (verb !== undefined) shown = verb;
        else if (shown.commands.length === 0) shown.error(`error: ${shown.name()} has no verb '${name}' below it`);
        // What it says of a verb that it does not know is better than ours: it names those that are alike.
        else await shown.parseAsync([name], { from: "user" });
      }
      shown.help();
    });
}
