/** File names of 60 bytes, in order. */
export function* names(count: number): Generator<string> {
  for (let index = 0; index < count; index++) yield nameAt(index);
}

export function nameAt(index: number): string {
  return `photos/2026/holiday-in-the-mountains/image-${String(index).padStart(13, "0")}.jpg`;
}

/** The same in lists of `size`, for systems that take lists. */
export function* chunksOfNames(count: number, size: number): Generator<readonly string[]> {
  for (let from = 0; from < count; from += size) {
    yield Array.from({ length: Math.min(size, count - from) }, (_, offset) => nameAt(from + offset));
  }
}
