const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/**
 * A bar of exactly `columns` columns for a fraction of 0 to 1. It is full only at 1.
 * With `isAscii` it is made of `#` and `-`, for terminals without UTF-8.
 */
export function formatBar(fraction: number, columns: number, isAscii = false): string {
  const clamped = Number.isFinite(fraction) ? Math.max(0, Math.min(1, fraction)) : 0;
  const eighths = Math.floor(clamped * columns * 8);
  const full = Math.floor(eighths / 8);
  if (isAscii) return "#".repeat(full) + "-".repeat(columns - full);
  const part = EIGHTHS[eighths % 8] ?? "";
  return `${"█".repeat(full)}${part}${"░".repeat(columns - full - (part === "" ? 0 : 1))}`;
}
