/** Time and waiting. The only real one is in `platform/`; tests and simulations pass their own. */
export interface Clock {
  /** Wall time in milliseconds since 1970. May jump; for people and for schedules. */
  now(): number;
  /** Milliseconds on a clock that never jumps and that all processes of the machine share. For leases and durations. */
  monotonic(): number;
  /**
   * Calls `task` once after `delayMs`, never before the code at hand is done. Keeps the process alive until then, unless
   * `isIdle` says that nobody need wait for it.
   */
  after(delayMs: number, task: () => void, options?: { readonly isIdle?: boolean }): Timer;
}

export interface Timer {
  cancel(): void;
}
