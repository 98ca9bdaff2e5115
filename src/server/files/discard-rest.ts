import type { IncomingMessage } from "node:http";

/** What a refused client may still send while it reads its answer. */
const LINGER_BYTES = 4_194_304;
const LINGER_MS = 2_000;

/**
 * Reads on, for a moment, what a client sends that was refused half-way: most read their answer only once they have sent theirs,
 * and a connection that is closed under them loses it. Who goes on sending all the same is cut off.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  const { socket } = request;
  const cut = (): void => void socket.destroy();
  const timer = setTimeout(cut, LINGER_MS).unref();
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) cut();
  });
  for (const end of ["end", "close"] as const) request.once(end, () => clearTimeout(timer));
  request.on("error", () => {});
  request.resume();
}
