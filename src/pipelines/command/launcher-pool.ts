import { type Launch, Launcher, type ProgramEnd } from "./launcher.ts";
import { ProcessGuard } from "./process-guard.ts";

/** Launchers for as many commands as run at once; idle ones are used again. */
export class LauncherPool {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #guard = new ProcessGuard();
  readonly #idle: Launcher[] = [];

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** @throws the operating system's error where not even a shell can be started: too many processes, too many open files */
  async run(launch: Launch): Promise<ProgramEnd> {
    const launcher = this.#takeIdle() ?? (await Launcher.start(this.#env, this.#guard));
    const end = await launcher.run(launch);
    if (launcher.isUsable) this.#idle.push(launcher);
    return end;
  }

  #takeIdle(): Launcher | undefined {
    for (let launcher = this.#idle.pop(); launcher !== undefined; launcher = this.#idle.pop()) {
      if (launcher.isUsable) return launcher;
    }
    return undefined;
  }
}
