/**
 * Other queues and Milepost, in turn on the same no-op items, each at the best of the settings tried.
 *
 *   npm run bench -- peers [--items 100k] [--rounds 3] [--try 20k] [--only bullmq,bullmqAof,plainjob,pgBoss,graphileWorker,milepostPostgres,pQueue]
 *                          [--json | --markdown]
 *
 * The first run installs bench/peers. Servers: REDIS_URL and DATABASE_URL, or programs found on the machine, started on free
 * ports and stopped at the end; a peer whose server is missing is named and skipped.
 */
import { parseArgs } from "node:util";
import { machineFacts, versionFacts } from "./machine.ts";
import { toChoice, toCount } from "./options.ts";
import { FIELD } from "./peers/field.ts";
import { installPeers, peerVersions } from "./peers/install.ts";
import { ratiosOfPeers, tablesOfPeers } from "./peers/report.ts";
import { measurePeers } from "./peers/rounds.ts";
import { renderReport, toStyle } from "./report.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "100k" },
    rounds: { type: "string", default: "3" },
    try: { type: "string", default: "20k" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  items: toCount("items", values.items),
  rounds: toCount("rounds", values.rounds),
  tryItems: toCount("try", values.try),
};
const names = toChoice(
  "only",
  values.only,
  FIELD.map((peer) => peer.name),
);

installPeers();
using workshop = new Workshop();
const { runs, skipped, servers, best } = await measurePeers(
  workshop,
  FIELD.filter((peer) => names.has(peer.name)),
  settings,
);
const report = {
  bench: "peers",
  machine: machineFacts(),
  versions: versionFacts({ ...peerVersions(), ...servers }),
  settings: { ...settings, ...best },
  skipped,
  runs,
  ...ratiosOfPeers(runs),
};
process.stdout.write(renderReport(report, tablesOfPeers(runs, report), toStyle(values)));
