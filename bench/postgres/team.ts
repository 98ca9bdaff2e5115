import { fork } from "node:child_process";
import { once } from "node:events";
import type { PostgresInput } from "./input.ts";

/** Processes that all run the same file beside this one. They say when they are ready, and again when they are done. */
export class Team {
  readonly #members;

  constructor(file: string, input: PostgresInput) {
    this.#members = Array.from({ length: input.workers }, () =>
      fork(new URL(file, import.meta.url), [JSON.stringify(input)]),
    );
  }

  async ready(): Promise<void> {
    await Promise.all(this.#members.map((member) => once(member, "message")));
  }

  go(): void {
    for (const member of this.#members) member.send("go");
  }

  /** Resolves when all have done their part, with the processor time that they took together. */
  async done(): Promise<number> {
    const told = await Promise.all(this.#members.map((member) => once(member, "message")));
    return told.reduce((sum, [cpuMs]) => sum + Number(cpuMs), 0);
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        const ended = once(member, "exit");
        member.send("end");
        await ended;
      }),
    );
  }
}

/** The next word from who leads the team. */
export async function told(): Promise<unknown> {
  const [word] = await once(process, "message");
  return word;
}

export function tell(word: unknown): void {
  process.send?.(word);
}

/** Milliseconds of processor time since the process began. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
