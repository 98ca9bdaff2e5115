import type { Command } from "commander";
import { CHUNK_SIZE } from "../../pipelines/documents/documents-pipeline.ts";
import type { Cli } from "../cli.ts";
import { runDocuments } from "../run-documents.ts";
import type { RunFilesOptions } from "../run-files.ts";
import { addRunOptions } from "../run-options.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

/** What `run documents` was asked for. */
export interface RunDocumentsOptions extends RunFilesOptions {
  readonly index: string;
  readonly chunk?: number;
  readonly overlap?: number;
  readonly visual: boolean;
  readonly model?: string;
}

const DESCRIPTION = `Reads documents (PDF, DOCX, HTML, Markdown, text) into an index that can be searched: one item
for each document, stored whole or not at all.

The same command again goes on where it was, inside a document at the page it had reached, and
redoes nothing that is done. Documents with the same content are one. Nothing in a document is
run or fetched. Exit status: 0 all done, 1 some failed, 2 wrong use, 3 a file is missing, 4 trouble
with the store, 130 or 143 stopped.`;

export function runDocumentsVerb(cli: Cli): Command {
  const { least, most, usual } = CHUNK_SIZE;
  const verb = declareVerb({
    name: "documents",
    summary: "read documents into an index to search",
    description: DESCRIPTION,
    examples: [
      ["milepost run documents papers notes --index library.db", "two folders"],
      ["milepost run documents 'papers/**/*.pdf' --no-visual", "only the text of PDFs"],
      ["milepost documents search 'tidal energy' --index library.db", "what it is for"],
    ],
  })
    .argument("[files...]", "files, folders and patterns")
    .option("--index <file>", "the index; made if there is none", "library.db")
    .option("--chunk <n>", `characters of a chunk of text (default: ${usual})`, wholeNumber(least, most))
    .option("--overlap <n>", "characters that chunks share (default: a fifth)", wholeNumber(0, most / 2))
    .option("--no-visual", "do not render and embed the pages of PDFs")
    .option("--model <folder>", "embed texts with the model in this folder, by @huggingface/transformers")
    .option("--from-file <list>", "read names from a file, one a line; - is standard input")
    .option("-0, --null", "names in the list end with NUL instead of a line break")
    .option("--skip-missing", "leave out files that are missing instead of refusing to start");
  return addRunOptions(verb, cli, {
    items: "documents",
    named: "the index and the options",
    queue: "documents",
    retries: 2,
  }).action(async (files: readonly string[], _options: unknown, command: Command) =>
    runDocuments(cli, files, command.optsWithGlobals<RunDocumentsOptions>()),
  );
}
