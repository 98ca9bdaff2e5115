/** Shows attempts to whoever follows what happens across programs. It must never throw. */
export interface Tracer {
  begin(attempt: AttemptFacts): AttemptSpan;
}

export interface AttemptFacts {
  readonly pipeline: string;
  readonly queue: string;
  readonly batchId: string;
  readonly itemId: string;
  /** 1 for the first attempt of the item's life. */
  readonly attempt: number;
}

export interface AttemptSpan {
  /** Runs the handler in such a way that what it calls belongs to the attempt. */
  run<T>(handler: () => T): T;
  /** `lost`: the item was taken away, and nothing may be reported. */
  end(how: "complete" | "fail" | "release" | "lost", errorMessage: string | null): void;
}
