import { resolve } from "node:path";
import type { Command } from "commander";
import { escapeText } from "../../format/escape.ts";
import { openLibrary } from "../../pipelines/documents/documents-pipeline.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface SearchOptions extends CommonOptions {
  readonly index: string;
  readonly limit: number;
  readonly model?: string;
}

export function documentsSearchVerb(cli: Cli): Command {
  return declareVerb({
    name: "search",
    summary: "find places in an index of documents",
    description:
      "Finds the pages that answer a query best: by the words in a row, by single words (BM25) and by likeness (vectors), fused. Any text is a query; it has no operators. Works while documents are being added, and shows whole ones only.",
    examples: [
      ["milepost documents search 'tidal energy'", "in library.db here"],
      ["milepost documents search 'Gezeiten' --index papers.db --limit 3 --json", "for a program"],
    ],
  })
    .argument("<query>", "what to look for")
    .option("--index <file>", "the index", "library.db")
    .option("--limit <n>", "places to show, 1 to 100", wholeNumber(1, 100), 10)
    .option("--model <folder>", "the model that the index was made with")
    .option("--json", "print one JSON document")
    .action(async (query: string, _options: unknown, command: Command) =>
      search(cli, query, command.optsWithGlobals<SearchOptions>()),
    );
}

async function search(cli: Cli, query: string, options: SearchOptions): Promise<void> {
  const model = options.model === undefined ? {} : { model: resolve(cli.io.cwd, options.model) };
  using library = await openLibrary(resolve(cli.io.cwd, options.index), model);
  const hits = await library.search(query, { limit: options.limit });
  if (options.json === true) {
    cli.json({ hits });
    return;
  }
  if (hits.length === 0) cli.note("nothing was found");
  for (const { document, page, snippet } of hits) {
    cli.line(`${escapeText(document.filename)}${page === null ? "" : `, page ${page}`}`);
    cli.line(`  ${escapeText(snippet)}`);
  }
}
