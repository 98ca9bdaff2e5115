import type { IncomingMessage } from "node:http";
import { refuseRaw } from "./http-server.ts";

/** Content that is read as it comes and may take as long as it takes, if only it comes. */
const STREAMED = /^(?:multipart\/|application\/x-ndjson)/i;

/**
 * Ends a request whose body keeps the server waiting: one that must be whole within `timeoutMs`, or, where it is streamed,
 * one of which nothing came for so long. Time in which we do not read is not counted against the sender.
 */
export function watchBody(request: IncomingMessage, timeoutMs: number): void {
  const { headers, socket } = request;
  if (headers["transfer-encoding"] === undefined && !(Number(headers["content-length"]) > 0)) return;
  const isStreamed = STREAMED.test(headers["content-type"] ?? "");
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete) return clearInterval(timer);
    if (isStreamed && (socket.bytesRead !== seen || request.readableLength > 0)) {
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
