/**
 * Carries out one operation and kills this process, as `kill -9` does, right after its statement number `last`:
 * `node act-and-die.ts <store> <operation> <what was made ready, as JSON> <last>`.
 */

import { openTrial } from "./open-trial.ts";
import { OPERATIONS } from "./operations.ts";

const [path = "", name = "", ready = "null", last = "1"] = process.argv.slice(2);
const operation = OPERATIONS.find((known) => known.name === name);
if (operation === undefined) throw new Error(`no operation ${name}`);
let ran = 0;
const { trial, watch } = await openTrial(path);
watch(() => {
  ran += 1;
  if (ran === Number(last)) process.kill(process.pid, "SIGKILL");
});
await operation.act(trial, JSON.parse(ready));
await trial.close();
