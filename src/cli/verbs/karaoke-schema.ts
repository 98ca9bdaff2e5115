import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { declareVerb } from "../verb.ts";

/** `milepost karaoke schema` */
export function karaokeSchemaVerb(cli: Cli): Command {
  return declareVerb({
    name: "schema",
    summary: "print the JSON Schema of a project",
    description:
      "Prints the JSON Schema (2020-12) of a karaoke project, with what each field means and its default. Editors that know JSON Schema complete and check projects with it.",
    examples: [["milepost karaoke schema > project.schema.json", 'name it in a project: "$schema"']],
  }).action(async () => {
    // Only here: schemas cost time to load.
    const { karaokeJsonSchema } = await import("../../pipelines/karaoke/project.ts");
    cli.line(JSON.stringify(karaokeJsonSchema(), null, 2));
  });
}
