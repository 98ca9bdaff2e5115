/** Reads a count: `2000`, `10k`, `1M`. @throws {Error} for anything else, saying what was expected */
export function toCount(option: string, text: string): number {
  const found = /^(\d+)([kM]?)$/.exec(text);
  const count = Number(found?.[1]) * { "": 1, k: 1_000, M: 1_000_000 }[(found?.[2] ?? "") as "" | "k" | "M"];
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`--${option} must be a whole number above 0, such as 2000, 10k or 1M; found ${text}`);
}

/** Reads names separated by commas, all of which must be known; empty: all. @throws {Error} naming those that there are */
export function toChoice(option: string, text: string, known: readonly string[]): ReadonlySet<string> {
  const chosen = text === "" ? known : text.split(",");
  const unknown = chosen.filter((name) => !known.includes(name));
  if (unknown.length === 0) return new Set(chosen);
  throw new Error(`--${option} takes some of ${known.join(",")}; found ${unknown.join(",")}`);
}
