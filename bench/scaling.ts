/**
 * What one PostgreSQL server spends on items, transactions and waiting workers, and from that, by calculation, what a cluster of
 * 100 workers with 1,000,000,000 items would ask of it; and how far a large batch holds up a small one. bench/README.md says how to read it.
 *
 *   npm run bench -- scaling [--items 200k] [--large 1M] [--rounds 3] [--markdown]
 */
import { parseArgs } from "node:util";
import type { Figures } from "./case.ts";
import { toCount } from "./options.ts";
import { startPostgres } from "./peers/postgres.ts";
import { type Costs, clusterTable, costTable, fairnessTable, solveCosts } from "./postgres/cluster-costs.ts";
import type { PostgresInput } from "./postgres/input.ts";
import { renderTable } from "./table.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "200k" },
    large: { type: "string", default: "1M" },
    rounds: { type: "string", default: "3" },
    markdown: { type: "boolean", default: false },
  },
});
const items = toCount("items", values.items);
const large = toCount("large", values.large);
const rounds = toCount("rounds", values.rounds);
const WORKERS = 2;
/** Handlers that wait make small commits; those that do nothing, large ones. */
const WAITING = { concurrency: 8, handlerMs: 20 };
const BUSY = { concurrency: 100 };
/** Of the items that do nothing, those that wait: enough for some seconds. */
const WAITING_SHARE = 20;

using workshop = new Workshop();
const server = await startPostgres();
const costs: Costs[] = [];
const fairness: Figures[] = [];
let made = 0;
try {
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    const idle = await measure("scale", { items: 0, ...BUSY });
    const busy = await measure("scale", { items, ...BUSY });
    const waitingItems = Math.ceil(items / WAITING_SHARE);
    const waiting = await measure("scale", { items: waitingItems, ...WAITING });
    costs.push(
      solveCosts({
        workers: WORKERS,
        idle,
        busy: { items, figures: busy },
        waiting: { items: waitingItems, figures: waiting },
      }),
    );
    fairness.push(await measure("fairness", { items: large, ...BUSY }));
  }
} finally {
  await server.stop();
}

async function measure(
  name: string,
  input: Pick<PostgresInput, "items" | "concurrency" | "handlerMs">,
): Promise<Figures> {
  made += 1;
  const figures = await workshop.measure(`postgres/${name}`, {
    ...{ location: server.location, schema: `bench_${name}_${made}`, workers: WORKERS },
    ...input,
  });
  process.stderr.write(`  ${name}: ${JSON.stringify(figures)}\n`);
  return figures;
}

const style = values.markdown ? "markdown" : "text";
const about = { server: server.about, workers: WORKERS, large };
for (const table of [costTable(costs, about), clusterTable(costs), fairnessTable(fairness, about)]) {
  process.stdout.write(`${renderTable(table, style)}\n`);
}
