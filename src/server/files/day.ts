export const DAY_MS = 86_400_000;

/** `2026-11-22` (UTC). */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
