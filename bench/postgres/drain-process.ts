/** One worker of a drain: `drain-process.js <input as JSON>`. */
import { setTimeout } from "node:timers/promises";
import { openMilepost } from "../../src/index.ts";
import { type PostgresInput, storeOf } from "./input.ts";
import { cpuMs, tell, told } from "./team.ts";

const input = JSON.parse(process.argv[2] ?? "{}") as PostgresInput;
const milepost = await openMilepost(storeOf(input));
const { handlerMs = 0 } = input;
milepost.pipeline("nothing", handlerMs === 0 ? () => {} : () => setTimeout(handlerMs));
tell("ready");
await told();
const before = cpuMs();
await milepost.work({ concurrency: input.concurrency });
await told();
tell(cpuMs() - before);
await milepost.close();
process.disconnect();
