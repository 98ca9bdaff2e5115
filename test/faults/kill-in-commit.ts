/**
 * A process is killed with SIGKILL between any two statements of each of its transactions. Run alone:
 * `npx node test/faults/kill-in-commit.ts [operation]`.
 */
import { copyFileSync } from "node:fs";
import { Child } from "./support/child.ts";
import { dump, integrityOf } from "./support/dump.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openTrial } from "./support/open-trial.ts";
import { OPERATIONS, type Operation } from "./support/operations.ts";
import { workOff } from "./support/work-off.ts";

/** One statement of an operation, and all that is committed once it has run. */
interface Step {
  readonly sql: string;
  readonly committed: string;
}

/** Prepares a store for `operation`, then carries it out on a copy, statement by statement. */
async function rehearse(scene: Scene, operation: Operation) {
  const [template, copy] = [scene.path(`${operation.name}.db`), scene.path("rehearsal.db")];
  const made = await openTrial(template);
  const ready = JSON.parse(JSON.stringify((await operation.prepare(made.trial)) ?? null));
  await made.trial.close();
  copyFileSync(template, copy);
  const before = dump(copy);
  const steps: Step[] = [];
  const { trial, watch } = await openTrial(copy);
  watch((sql) => steps.push({ sql, committed: dump(copy) }));
  await operation.act(trial, ready);
  watch(() => {});
  await trial.close();
  return { template, ready, before, steps };
}

async function killAt(
  scene: Scene,
  operation: Operation,
  last: number,
  rehearsal: Awaited<ReturnType<typeof rehearse>>,
) {
  const path = scene.path(`${operation.name}-${last}.db`);
  copyFileSync(rehearsal.template, path);
  const child = Child.script(scene, "act-and-die.ts", [
    path,
    operation.name,
    JSON.stringify(rehearsal.ready),
    String(last),
  ]);
  const { signal } = await child.ended;
  const state = dump(path);
  return {
    end: signal ?? child.stderr,
    // The next to open the file has recovered its log by now.
    integrity: integrityOf(path),
    state: state === rehearsal.steps[last - 1]?.committed ? "what was committed, whole" : state,
    ...(await workOff(path)),
  };
}

const AS_IT_MUST_BE = {
  end: "SIGKILL",
  integrity: "ok",
  state: "what was committed, whole",
  findings: [],
  unsound: [],
};

async function killEverywhere(scene: Scene, operation: Operation, isSlow: boolean): Promise<void> {
  const rehearsal = await rehearse(scene, operation);
  const { steps } = rehearsal;
  const commits = steps.flatMap(({ committed }, index) =>
    committed === (steps[index - 1]?.committed ?? rehearsal.before) ? [] : [index + 1],
  );
  scene.check(`${operation.name}: transactions that change something`, commits.length, operation.commits ?? 1);
  const all = steps.map((_, index) => index + 1);
  // In a hurry: only right before and right after each commit.
  const chosen = isSlow ? all : [...new Set(commits.flatMap((commit) => [commit - 1, commit]))].filter((at) => at > 0);
  for (const last of chosen) {
    const sql = steps[last - 1]?.sql.replaceAll(/\s+/g, " ").slice(0, 50);
    const found = await killAt(scene, operation, last, rehearsal);
    scene.check(`${operation.name}: killed after statement ${last} of ${steps.length} (${sql})`, found, AS_IT_MUST_BE);
  }
}

const EXPECTED =
  "the transaction is there whole or not at all; the file is sound; the work goes on and ends with exact counts";

export const killInCommitFaults: readonly Fault[] = [
  {
    name: "kill-at-commit",
    expected: `kill -9 right before and right after each commit: ${EXPECTED}`,
    run: async (scene) => {
      for (const name of ["submit", "claim", "record-complete"]) {
        const operation = OPERATIONS.find((known) => known.name === name);
        if (operation !== undefined) await killEverywhere(scene, operation, false);
      }
    },
  },
  ...OPERATIONS.map((operation) => ({
    name: `kill-in-${operation.name}`,
    expected: `kill -9 after every statement of ${operation.name}: ${EXPECTED}`,
    isSlow: true,
    run: (scene: Scene) => killEverywhere(scene, operation, true),
  })),
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(killInCommitFaults.filter(({ name }) => wanted === undefined || name.includes(wanted)));
}
