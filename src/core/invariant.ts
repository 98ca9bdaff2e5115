/**
 * Throws if `condition` is false: a broken promise of our own code, never a caller's mistake.
 * Kept in production on purpose: a worker that no longer understands its own state must stop.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** Ends an exhaustive `switch`: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: unreachable case ${JSON.stringify(value)}`);
}
