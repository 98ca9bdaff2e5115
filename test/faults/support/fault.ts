import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, stripVTControlCharacters } from "node:util";

/** Something that is broken on purpose, and the answer that must come. */
export interface Fault {
  readonly name: string;
  /** In a line: what is done, and what must happen. */
  readonly expected: string;
  /** True for what takes too long for `npm test`. */
  readonly isSlow?: boolean;
  /** Seconds that it may take; default 120. */
  readonly limitS?: number;
  /** Why it cannot be done here; null: it can. */
  readonly obstacle?: () => string | null;
  readonly run: (scene: Scene) => Promise<void>;
}

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  readonly expected: unknown;
  readonly found: unknown;
  readonly isRight: boolean;
}

/** Where a fault happens: a folder of its own, what was seen there, and what must be cleaned up. */
export class Scene implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "milepost-fault-"));
  readonly checks: Check[] = [];
  readonly #onCheck: (check: Check) => void;
  readonly #cleanups: (() => unknown)[] = [() => rmSync(this.folder, { recursive: true, force: true })];

  constructor(onCheck: (check: Check) => void = () => {}) {
    this.#onCheck = onCheck;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Compares what was found with what must be. A wrong one does not end the scene. */
  check(what: string, found: unknown, expected: unknown): void {
    const check = { what, expected, found, isRight: isDeepStrictEqual(found, expected) };
    this.checks.push(check);
    this.#onCheck(check);
  }

  /** The same for a text that must match. */
  checkText(what: string, found: string, expected: RegExp): void {
    const text = stripVTControlCharacters(found).trim();
    const check = { what, expected, found: text, isRight: expected.test(text) };
    this.checks.push(check);
    this.#onCheck(check);
  }

  /** The same for a number with a bound. */
  checkAtMost(what: string, found: number, most: number): void {
    const check = { what, expected: `at most ${most}`, found, isRight: found <= most };
    this.checks.push(check);
    this.#onCheck(check);
  }

  /** Calls `cleanup` when the scene is over, the last one first. */
  afterwards(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}

export interface Outcome {
  readonly name: string;
  /** Null if it could be done. */
  readonly skipped: string | null;
  readonly checks: readonly Check[];
  readonly seconds: number;
}

const LIMIT_S = 120;

/** Does one fault and returns what was seen; an error of the scene itself is a check that is wrong. */
export async function perform(fault: Fault, onCheck?: (check: Check) => void): Promise<Outcome> {
  const startedAt = performance.now();
  const skipped = fault.obstacle?.() ?? null;
  const scene = new Scene(onCheck);
  try {
    if (skipped === null) await withinLimit(fault.run(scene), fault.limitS ?? LIMIT_S);
  } catch (error) {
    scene.check("the scene comes to its end", error instanceof Error ? (error.stack ?? error.message) : error, "done");
  } finally {
    await scene[Symbol.asyncDispose]();
  }
  return { name: fault.name, skipped, checks: scene.checks, seconds: (performance.now() - startedAt) / 1_000 };
}

/** A scene that waits for what never comes must fail, not hang. */
async function withinLimit(run: Promise<void>, limitS: number): Promise<void> {
  const timeUp = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeUp.reject(new Error(`not at its end after ${limitS} s`)), limitS * 1_000);
  try {
    await Promise.race([run, timeUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function isAsExpected(outcome: Outcome): boolean {
  return outcome.skipped !== null || (outcome.checks.length > 0 && outcome.checks.every(({ isRight }) => isRight));
}

/** Does faults one after another, prints each check as it is made, and sets the exit status. */
export async function runAlone(faults: readonly Fault[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const fault of faults) {
    console.log(`\n${fault.name}\n  must be: ${fault.expected}`);
    const outcome = await perform(fault, printCheck);
    if (outcome.skipped !== null) console.log(`  skipped: ${outcome.skipped}`);
    if (!isAsExpected(outcome)) process.exitCode = 1;
    outcomes.push(outcome);
  }
  return outcomes;
}

const SHOWN_MAX = 2_000;

function printCheck(check: Check): void {
  const { what, expected, found, isRight } = check;
  if (isRight) console.log(`  ok     ${what}: ${show(found)}`);
  else console.log(`  WRONG  ${what}\n         expected ${show(expected)}\n         found    ${show(found)}`);
}

function show(value: unknown): string {
  const text = value instanceof RegExp || typeof value === "string" ? String(value) : JSON.stringify(value);
  return (text ?? "undefined").slice(0, SHOWN_MAX);
}
