import { MilepostError } from "../../src/core/errors.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/**
 * Makes a call on a process's engine. An operating error is an answer like any other and gives undefined; anything else
 * that is thrown is a bug of the engine.
 */
export async function attempt<T>(
  process: SimulatedProcess,
  what: string,
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof MilepostError) process.world.note(`${process.name} ${what}: ${error.code} ${error.message}`);
    else process.world.break("the engine throws operating errors alone", `${what}: ${String(error)}`);
    return undefined;
  }
}
