/** What a measured case found: numbers by name, the unit last (`drainMs`, `peakBytes`). */
export type Figures = Readonly<Record<string, number>>;

/** What a module of a measured case exports as `measure`; it runs in a process of its own. */
export type Measure<Input> = (input: Input) => Promise<Figures> | Figures;

/** One measurement as `--json` prints it. */
export interface Run {
  /** The case, `drain`. */
  readonly case: string;
  /** Who did it: `milepost`, `raw`, a peer. */
  readonly side: string;
  /** From 0. */
  readonly round: number;
  /** How many items, samples or reports, and how. */
  readonly settings: Readonly<Record<string, number | string>>;
  readonly figures: Figures;
}
