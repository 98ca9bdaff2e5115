/** Batches of many kinds that were never recorded: what an estimator tuned to recordings would fail on. */
import { SeededChance } from "./random.ts";
import { type Job, type Plan, runBatch } from "./run-batch.ts";
import type { Trace } from "./trace.ts";

interface Draw {
  readonly size: number;
  readonly seconds: number;
  readonly kind: string;
}

/** Log-normal sizes over some octaves; seconds = level × size^slope × noise. */
function draws(chance: SeededChance, how: { count: number; slope?: number; noise?: number; sizes?: number }): Draw[] {
  const { slope = 0.3 + 0.7 * chance.next(), noise = 0.2 + 0.6 * chance.next(), sizes = 0.5 + chance.next() } = how;
  const level = Math.exp(chance.normal() * 1.5 - 1);
  return Array.from({ length: how.count }, () => {
    const x = sizes * chance.normal();
    return {
      size: Math.round(1e5 * Math.exp(x)),
      seconds: level * Math.exp(slope * x + noise * chance.normal()),
      kind: "item",
    };
  });
}

function jobs(from: readonly Draw[], speedAt: (at: number) => number = () => 1): Job[] {
  return from.map(({ size, seconds, kind }) => ({ item: { size, kind }, secondsAt: (at) => seconds / speedAt(at) }));
}

function totalOf(from: readonly Draw[], workers: number): number {
  return from.reduce((sum, { seconds }) => sum + seconds, 0) / workers;
}

type Family = (chance: SeededChance) => Omit<Plan, "name" | "group">;

const bySize = (a: Draw, b: Draw): number => a.size - b.size;
const count = (chance: SeededChance): number => 60 + chance.below(240);
const workers = (chance: SeededChance): number => 1 + chance.below(6);

/** Even work of pages or frames: reports every 2 %, of which true time strays by a power. */
function reports(power: number): readonly (readonly [number, number])[] {
  return Array.from({ length: 49 }, (_, step) => {
    const fraction = (step + 1) / 50;
    return [fraction ** power, fraction] as const;
  });
}

const FAMILIES: Readonly<Record<string, Family>> = {
  constant: (chance) => ({
    workers: workers(chance),
    jobs: jobs(draws(chance, { count: count(chance), slope: 0, noise: 0.01 })),
  }),
  "log-normal": (chance) => ({ workers: workers(chance), jobs: jobs(draws(chance, { count: count(chance) })) }),
  "heavy tail": (chance) => {
    const all = draws(chance, { count: count(chance), slope: 0, noise: 0.2 });
    const heavy = all.map((draw) => ({ ...draw, seconds: draw.seconds * (1 - chance.next()) ** (-1 / 1.7) }));
    return { workers: workers(chance), jobs: jobs(heavy) };
  },
  "sorted up": (chance) => ({
    workers: workers(chance),
    jobs: jobs(draws(chance, { count: count(chance) }).toSorted(bySize)),
  }),
  "sorted down": (chance) => ({
    workers: workers(chance),
    jobs: jobs(draws(chance, { count: count(chance) }).toSorted((a, b) => bySize(b, a))),
  }),
  "sizes unknown": (chance) => ({
    workers: workers(chance),
    jobs: jobs(draws(chance, { count: count(chance) })).map((job) => ({ ...job, item: { kind: "item", size: null } })),
  }),
  "in proportion to bytes": (chance) => ({
    workers: workers(chance),
    jobs: jobs(draws(chance, { count: count(chance), slope: 1, noise: 0.05 })),
  }),
  drift: (chance) => {
    const lanes = workers(chance);
    const all = draws(chance, { count: count(chance) });
    const total = totalOf(all, lanes);
    const by = chance.normal() * 0.7;
    return { workers: lanes, jobs: jobs(all, (at) => Math.exp((by * at) / total)) };
  },
  "sudden step": (chance) => {
    const lanes = workers(chance);
    const all = draws(chance, { count: count(chance) });
    const from = totalOf(all, lanes) * (0.2 + 0.5 * chance.next());
    const speed = chance.next() < 0.5 ? 0.5 : 2;
    return { workers: lanes, jobs: jobs(all, (at) => (at < from ? 1 : speed)) };
  },
  "bursts that revert": (chance) => {
    const lanes = workers(chance);
    const all = draws(chance, { count: count(chance) });
    const every = totalOf(all, lanes) / (4 + chance.below(6));
    return { workers: lanes, jobs: jobs(all, (at) => (Math.floor((2 * at) / every) % 2 === 0 ? 1 : 0.4)) };
  },
  "cached before": (chance) => {
    const all = jobs(draws(chance, { count: count(chance) }));
    const known = Math.floor(all.length * (0.3 + 0.6 * chance.next()));
    return { workers: workers(chance), jobs: all.map((job, index) => ({ ...job, isCached: index < known })) };
  },
  "cached here and there": (chance) => {
    const share = 0.2 + 0.5 * chance.next();
    const all = jobs(draws(chance, { count: count(chance) }));
    return { workers: workers(chance), jobs: all.map((job) => ({ ...job, isCached: chance.next() < share })) };
  },
  failures: (chance) => {
    const all = jobs(draws(chance, { count: count(chance) }));
    return {
      workers: workers(chance),
      jobs: all.map((job) => ({ ...job, failures: chance.next() < 0.15 ? 1 + chance.below(2) : 0 })),
    };
  },
  "kinds in blocks": (chance) => {
    const kinds = Array.from({ length: 3 }, (_, kind) =>
      draws(chance, { count: 30 + chance.below(60) }).map((draw) => ({ ...draw, kind: `kind-${kind}` })),
    );
    return { workers: workers(chance), jobs: jobs(kinds.flat()) };
  },
  "small batch": (chance) => ({
    workers: 1 + chance.below(3),
    jobs: jobs(draws(chance, { count: 5 + chance.below(15) })),
  }),
  "as many workers as items": (chance) => {
    const all = draws(chance, { count: 4 + chance.below(8) });
    return {
      workers: all.length,
      jobs: jobs(all).map((job) => ({ ...job, reports: reports(0.8 + 0.4 * chance.next()) })),
    };
  },
  "one long item": (chance) => {
    const power = Math.exp(0.5 * chance.normal());
    return {
      workers: 1,
      jobs: [{ item: { kind: "video", size: 1e8 }, secondsAt: () => 60, reports: reports(power) }],
    };
  },
  "reports that mislead": (chance) => {
    const power = Math.exp(0.6 * chance.normal());
    const all = jobs(draws(chance, { count: 10 + chance.below(40) }));
    return { workers: workers(chance), jobs: all.map((job) => ({ ...job, reports: reports(power) })) };
  },
  "workers change": (chance) => {
    const all = draws(chance, { count: count(chance) });
    const at = totalOf(all, 2) * (0.2 + 0.4 * chance.next());
    return { workers: 2, widths: [{ at, workers: 1 + 4 * chance.below(2) }], jobs: jobs(all) };
  },
  "paused for long": (chance) => {
    const all = draws(chance, { count: count(chance) });
    const after = totalOf(all, 2) * (0.2 + 0.5 * chance.next());
    return { workers: 2, pause: { after, forSeconds: 3_600 }, jobs: jobs(all) };
  },
};

/** `each` batches of every family; the family is the group. */
export function syntheticTraces(each: number, seed: number): Trace[] {
  return Object.entries(FAMILIES).flatMap(([group, family], index) =>
    Array.from({ length: each }, (_, number) => {
      const chance = new SeededChance(seed + 1_000 * index + number);
      return runBatch({ name: `${group} ${number + 1}`, group, ...family(chance) });
    }),
  );
}

/**
 * The items of a recorded batch in another order and on other workers, each with the time and the reports that it had.
 * `share` of them, drawn by chance. Null for batches with cached or failed items, whose times are not known.
 */
export function reschedule(
  trace: Trace,
  how: { readonly workers: number; readonly share: number; readonly chance: SeededChance },
): Trace | null {
  const startedAt = new Map<number, number>();
  const told = new Map<number, (readonly [number, number])[]>();
  const recorded: Job[] = [];
  for (const { at, code, item, x } of trace.events) {
    if (code === "h" || code === "f") return null;
    const age = at - (startedAt.get(item) ?? at);
    if (code === "s") startedAt.set(item, at);
    if (code === "p") told.set(item, [...(told.get(item) ?? []), [age, x]]);
    if (code !== "d") continue;
    const reported = (told.get(item) ?? []).map(([then, fraction]) => [then / age, fraction] as const);
    recorded.push({ item: trace.items[item] ?? { kind: "", size: null }, secondsAt: () => age, reports: reported });
  }
  const drawn = how.chance.shuffled(recorded).slice(0, Math.max(1, Math.round(how.share * recorded.length)));
  return runBatch({ name: `${trace.name} again`, group: trace.group, workers: how.workers, jobs: drawn });
}
