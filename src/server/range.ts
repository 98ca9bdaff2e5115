import type { IncomingHttpHeaders } from "node:http";

/** Bytes of a file, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range that a request asks for (RFC 9110, section 14); null for the whole: where none is asked for or several, it cannot be
 * read, or the file is another than the one whose beginning the client has (`If-Range`). `unmet`: nothing of the file is in it.
 */
export function rangeOf(
  headers: IncomingHttpHeaders,
  { size, etag }: { readonly size: number; readonly etag: string },
): ByteRange | "unmet" | null {
  const ifRange = headers["if-range"];
  if (ifRange !== undefined && ifRange !== etag) return null;
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(headers.range ?? "") ?? [];
  if (from === "") return to === "" ? null : lastBytes(Number(to), size);
  const start = Number(from);
  const end = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (end < start) return null;
  return start < size ? { start, end: Math.min(size - 1, end) } : "unmet";
}

/** Of an empty file its last bytes are all of it, which no range can say. */
function lastBytes(count: number, size: number): ByteRange | "unmet" | null {
  if (count === 0) return "unmet";
  return size === 0 ? null : { start: Math.max(0, size - count), end: size - 1 };
}
