/** True if `value` is an object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True if JSON has at most `most` values, at all depths. Looks at no more than that. */
export function hasFewValues(value: unknown, most: number): boolean {
  const waiting: unknown[] = [value];
  for (let seen = 0; seen < most; seen++) {
    if (waiting.length === 0) return true;
    const next = waiting.pop();
    if (typeof next !== "object" || next === null) continue;
    const inner: unknown[] = Object.values(next);
    if (inner.length > most) return false;
    waiting.push(...inner);
  }
  return waiting.length === 0;
}
