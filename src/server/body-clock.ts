import type { IncomingMessage } from "node:http";
import { refuseRaw } from "./http-server.ts";

/** Lines are read as they come and may take as long as they take, if only something comes. */
const LINES = /^application\/x-ndjson/i;
/** So are files; but those who send them are strangers, and each holds a place of few. */
const FORM = /^multipart\//i;
const FORM_BYTES_PER_S_MIN = 500;

/**
 * Ends a request whose body keeps the server waiting: one that must be whole within `timeoutMs`, or, where it is streamed,
 * one of which too little came for so long. Time in which we do not read is not counted against the sender.
 */
export function watchBody(request: IncomingMessage, timeoutMs: number): void {
  const { headers, socket } = request;
  if (headers["transfer-encoding"] === undefined && !(Number(headers["content-length"]) > 0)) return;
  const bytesMin = bytesMinOf(headers["content-type"] ?? "", timeoutMs);
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete) return clearInterval(timer);
    if (bytesMin !== null && (socket.bytesRead - seen >= bytesMin || request.readableLength > 0)) {
      seen = socket.bytesRead;
      return;
    }
    clearInterval(timer);
    refuseRaw(socket, 408);
  }, timeoutMs);
  timer.unref();
  const end = (): void => clearInterval(timer);
  request.once("end", end).once("close", end);
}

/** What must come in each span of the clock; null: all of it. */
function bytesMinOf(contentType: string, timeoutMs: number): number | null {
  if (LINES.test(contentType)) return 1;
  return FORM.test(contentType) ? Math.ceil((FORM_BYTES_PER_S_MIN * timeoutMs) / 1_000) : null;
}
