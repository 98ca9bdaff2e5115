/**
 * Does every fault of this folder, one after another, the slow ones too, and ends with a table:
 * `npx node test/faults/run-all.ts [part of a name]`. The exit status is 1 if an answer was not as it must be.
 */
import { ALL_FAULTS } from "./all-faults.ts";
import { isAsExpected, type Outcome, runAlone } from "./support/fault.ts";

const [wanted = ""] = process.argv.slice(2);
const chosen = ALL_FAULTS.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) {
  console.error(`no fault has ${wanted} in its name; there are: ${ALL_FAULTS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const outcomes = await runAlone(chosen);
console.log(`\n${"fault".padEnd(28)} ${"checks".padStart(6)} ${"wrong".padStart(6)} ${"seconds".padStart(8)}`);
for (const outcome of outcomes) console.log(rowOf(outcome));
const wrong = outcomes.filter((outcome) => !isAsExpected(outcome));
const skipped = outcomes.filter((outcome) => outcome.skipped !== null);
console.log(`\n${outcomes.length} faults: ${wrong.length} answered wrongly, ${skipped.length} skipped`);

function rowOf(outcome: Outcome): string {
  const { name, checks, seconds, skipped } = outcome;
  if (skipped !== null) return `${name.padEnd(28)} skipped: ${skipped}`;
  const bad = checks.filter(({ isRight }) => !isRight).length;
  const numbers = [String(checks.length).padStart(6), String(bad).padStart(6), seconds.toFixed(1).padStart(8)];
  return `${name.padEnd(28)} ${numbers.join(" ")}`;
}
