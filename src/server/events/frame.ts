/**
 * One server-sent event as bytes, ready for any number of readers. JSON has no line breaks of its own, so that one `data:`
 * line holds it.
 */
export function toFrame(event: string, json: string, id?: number | string): Buffer {
  return Buffer.from(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${json}\n\n`);
}

/** A comment: keeps proxies and readers from taking a quiet stream for a dead one. */
export const HEARTBEAT = Buffer.from(":\n\n");

/** Tells readers to come back after this time once the stream ends. */
export function toRetryFrame(afterMs: number): Buffer {
  return Buffer.from(`retry: ${afterMs}\n\n`);
}

/** Cuts a list of JSON texts where a piece would hold more than so many characters; never leaves a piece empty. */
export function inPieces(texts: readonly string[], charactersMax: number): readonly (readonly string[])[] {
  const pieces: string[][] = [];
  let left = 0;
  for (const text of texts) {
    if (text.length > left || pieces.length === 0) {
      pieces.push([]);
      left = charactersMax;
    }
    pieces.at(-1)?.push(text);
    left -= text.length;
  }
  return pieces;
}
