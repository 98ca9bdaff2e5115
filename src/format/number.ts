/** A whole number with separators of thousands: `1,200,000`. The same in every locale. */
export function formatCount(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 item`, `2 items`, `1,200 items`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `42%`, or `?%` while it is not known. Never rounds up. */
export function formatPercent(percent: number | null): string {
  return percent === null ? "?%" : `${Math.floor(percent)}%`;
}

/** Bytes in powers of 1024 with at most one decimal: `0 B`, `1.5 KiB`, `12 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
  return `${text} ${units[unit]}`;
}

/** A rate with the unit in which it is easiest to read: `12 /s`, `1.4 /s`, `30 /min`, `5 /h`. */
export function formatRate(perSecond: number): string {
  if (!(perSecond > 0)) return "0 /s";
  if (perSecond >= 1) return `${significant(perSecond)} /s`;
  if (perSecond * 60 >= 1) return `${significant(perSecond * 60)} /min`;
  return `${significant(perSecond * 3600)} /h`;
}

function significant(value: number): string {
  return value >= 9.95 ? formatCount(Math.round(value)) : String(Math.round(value * 10) / 10);
}
