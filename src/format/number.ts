/** Writes a number of at most one decimal: as it is, or as a reader's language does. */
export type WriteNumber = (value: number) => string;

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
export function formatBytes(bytes: number, write: WriteNumber = String): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const shown = unit === 0 || value >= 99.95 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${write(shown)} ${units[unit]}`;
}

/** A rate with the unit in which it is easiest to read: `12 /s`, `1.4 /s`, `30 /min`, `5 /h`. */
export function formatRate(perSecond: number, write: WriteNumber = plain): string {
  if (!(perSecond > 0)) return "0 /s";
  if (perSecond >= 1) return `${write(significant(perSecond))} /s`;
  if (perSecond * 60 >= 1) return `${write(significant(perSecond * 60))} /min`;
  return `${write(significant(perSecond * 3600))} /h`;
}

function plain(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(value);
}

function significant(value: number): number {
  return value >= 9.95 ? Math.round(value) : Math.round(value * 10) / 10;
}
