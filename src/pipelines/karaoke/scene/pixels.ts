/** The largest even number that is not larger: the colours of H.264 pictures have half the resolution of their brightness. */
export function toEven(value: number): number {
  return Math.floor(value / 2) * 2;
}
