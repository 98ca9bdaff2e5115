import type { Figures } from "../case.ts";
import { measureStarts } from "./idle.ts";

/** Idle start with the worker in the process that submits. */
export function measure(input: { path: string; samples: number }): Promise<Figures> {
  return measureStarts(input, async (milepost, onStart) => {
    milepost.pipeline("nothing", () => onStart(process.hrtime.bigint()));
    return milepost.work();
  });
}
