/** Loaded before a program: its wall clock, and that of its threads, differs from the machine's by `SHIFT_CLOCK_MS`. */
const shiftMs = Number(process.env.SHIFT_CLOCK_MS ?? "0");
const Real = Date;

class ShiftedDate extends Real {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(Real.now() + shiftMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return Real.now() + shiftMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
