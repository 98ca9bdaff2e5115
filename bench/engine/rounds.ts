import type { Run } from "../case.ts";
import type { Workshop } from "../workshop.ts";

/** What can be measured alone. `drain` needs items, so it creates them and measures that too. */
export const ENGINE_PARTS = ["create", "drain", "looks", "start", "beside", "progress", "growth"] as const;

export interface EngineSettings {
  readonly items: number;
  readonly rounds: number;
  /** Handlers at once. */
  readonly concurrency: number;
  /** Idle starts measured a round. */
  readonly samples: number;
  /** The largest batch of `growth`. */
  readonly growthTo: number;
}

const RAW_CHUNKS = [100, 1_000];
const PROGRESS_HANDLERS = 16;
const GROWTH_FROM = 10_000;
const GROWTH_STEP = 10;
/** Enough that every function of the engine's is compiled before a small batch is measured. */
const WARM_ITEMS = 50_000;

/** Measures the parts asked for, round after round, Milepost and raw SQLite in turn. */
export async function measureEngine(
  workshop: Workshop,
  parts: ReadonlySet<string>,
  settings: EngineSettings,
): Promise<readonly Run[]> {
  const measurements = new Rounds(workshop, settings);
  for (let round = 0; round < settings.rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${settings.rounds}\n`);
    await measurements.measureRound(round, parts);
  }
  return measurements.runs;
}

class Rounds {
  readonly runs: Run[] = [];
  readonly #workshop: Workshop;
  readonly #settings: EngineSettings;
  #round = 0;

  constructor(workshop: Workshop, settings: EngineSettings) {
    this.#workshop = workshop;
    this.#settings = settings;
  }

  async measureRound(round: number, parts: ReadonlySet<string>): Promise<void> {
    this.#round = round;
    if (parts.has("create") || parts.has("drain") || parts.has("looks")) {
      await this.#life(parts, this.#settings.items);
      await this.#rawLives(parts);
    }
    if (parts.has("start")) await this.#starts();
    if (parts.has("beside")) await this.#beside();
    if (parts.has("progress")) await this.#progress();
    if (parts.has("growth")) await this.#growth();
  }

  /** A batch from its creation to its end, looked at before and after. */
  async #life(parts: ReadonlySet<string>, items: number, prefix = ""): Promise<void> {
    const path = this.#workshop.path("milepost.db");
    const warmItems = prefix === "" ? 0 : WARM_ITEMS;
    const { concurrency } = this.#settings;
    await this.#run("milepost", `${prefix}create`, "engine/create", { path, items, warmItems });
    this.#workshop.removeStore(`${path}.warm`);
    if (parts.has("looks")) await this.#run("milepost", `${prefix}looksPending`, "engine/looks", { path, items });
    if (parts.has("drain") || parts.has("looks")) {
      await this.#run("milepost", `${prefix}drain`, "engine/drain", { path, items, concurrency, warmItems });
      this.#workshop.removeStore(`${path}.warm`);
    }
    if (parts.has("looks")) await this.#run("milepost", `${prefix}looksEnded`, "engine/looks", { path, items });
    this.#workshop.removeStore(path);
  }

  async #rawLives(parts: ReadonlySet<string>): Promise<void> {
    const { items } = this.#settings;
    const path = this.#workshop.path("raw.db");
    for (const chunk of RAW_CHUNKS) {
      await this.#run(`raw${chunk}`, "create", "engine/raw-create", { path, items });
      if (parts.has("drain")) await this.#run(`raw${chunk}`, "drain", "engine/raw-drain", { path, items, chunk });
      this.#workshop.removeStore(path);
    }
  }

  async #starts(): Promise<void> {
    const { samples } = this.#settings;
    const path = this.#workshop.path("start.db");
    for (const [side, name, module] of [
      ["milepost", "start", "engine/start"],
      ["rawFull", "start", "engine/raw-start"],
      ["milepost", "startElsewhere", "engine/start-elsewhere"],
    ] as const) {
      await this.#run(side, name, module, { path, samples });
      this.#workshop.removeStore(path);
    }
  }

  async #beside(): Promise<void> {
    const { items, concurrency } = this.#settings;
    const path = this.#workshop.path("beside.db");
    await this.#run("milepost", "beside", "engine/beside", { path, items, concurrency });
    this.#workshop.removeStore(path);
  }

  async #progress(): Promise<void> {
    const path = this.#workshop.path("progress.db");
    const input = { path, reports: this.#settings.items, handlers: PROGRESS_HANDLERS };
    for (const [side, module] of [
      ["milepost", "engine/progress"],
      ["raw100", "engine/raw-progress"],
    ] as const) {
      await this.#run(side, "progress", module, input);
      this.#workshop.removeStore(path);
    }
  }

  async #growth(): Promise<void> {
    const parts = new Set(["create", "drain", "looks"]);
    for (let items = GROWTH_FROM; items <= this.#settings.growthTo; items *= GROWTH_STEP) {
      await this.#life(parts, items, "growth:");
    }
  }

  async #run(
    side: string,
    name: string,
    module: string,
    input: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const { path: _path, ...settings } = input;
    const figures = await this.#workshop.measure(module, input);
    this.runs.push({ case: name, side, round: this.#round, settings, figures });
    process.stderr.write(`  ${side} ${name} ${JSON.stringify(settings)}: ${describe(figures)}\n`);
  }
}

function describe(figures: Run["figures"]): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(", ");
}
