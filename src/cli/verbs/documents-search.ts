import { resolve } from "node:path";
import type { Command } from "commander";
import { escapeText } from "../../format/escape.ts";
import type { SearchHit } from "../../pipelines/documents/open-library.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { Interrupt } from "../interrupt.ts";
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
      ["milepost documents search tidal energy", "in library.db here"],
      ["milepost documents search 'Gezeiten' --index papers.db --limit 3 --json", "for a program"],
    ],
  })
    .argument("<query...>", "what to look for")
    .option("--index <file>", "the index", "library.db")
    .option("--limit <n>", "places to show, 1 to 100", wholeNumber(1, 100), 10)
    .option("--model <folder>", "the model that the index was made with")
    .option("--json", "print one JSON document")
    .action(async (query: readonly string[], _options: unknown, command: Command) =>
      search(cli, query.join(" "), command.optsWithGlobals<SearchOptions>()),
    );
}

async function search(cli: Cli, query: string, options: SearchOptions): Promise<void> {
  const hits = await findPlaces(cli, query, options);
  if (hits === null) return;
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

/** Looks for the places in a process of its own, so that a signal ends it at once; null after one. */
async function findPlaces(cli: Cli, query: string, options: SearchOptions): Promise<readonly SearchHit[] | null> {
  using interrupt = new Interrupt(cli);
  const { SearchProcesses } = await import("../../pipelines/documents/search-processes.ts");
  const processes = new SearchProcesses({ atOnce: 1, waiting: 0, timeLimitMs: null });
  try {
    const index = resolve(cli.io.cwd, options.index);
    const model = options.model === undefined ? {} : { model: resolve(cli.io.cwd, options.model) };
    const places = await interrupt.unlessRaised(processes.search({ index, ...model }, query, options.limit));
    return places?.map(({ hasThumbnail: _hasThumbnail, ...hit }) => hit) ?? null;
  } finally {
    await processes.close();
  }
}
