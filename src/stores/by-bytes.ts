/** Orders texts by their bytes in UTF-8, as databases do; JavaScript compares halves of surrogate pairs. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
