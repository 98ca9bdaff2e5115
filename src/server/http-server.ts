import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ServerLimits } from "./settings.ts";

const HEADER_BYTES = 16_384;
/** Node looks for connections that are too slow this often, or more often where the limit is short. */
const LOOK_EVERY_MS = 5_000;

/**
 * Node's server with our bounds on connections. What the parser refuses is answered by a bare status line, because nothing
 * that came over such a connection can be trusted any more.
 *
 * @param connectionsPerAddress null: no limit, for a server behind a proxy, where all come from one address
 */
export function createHttpServer(
  handler: RequestListener,
  limits: Pick<ServerLimits, "headersTimeoutMs" | "keepAliveMs">,
  connectionsPerAddress: number | null,
): Server {
  const { headersTimeoutMs, keepAliveMs } = limits;
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      connectionsCheckingInterval: Math.min(LOOK_EVERY_MS, Math.ceil(headersTimeoutMs / 3)),
      headersTimeout: headersTimeoutMs,
      // Uploads may take long: bodies have a clock of their own (body-clock.ts).
      requestTimeout: 0,
      keepAliveTimeout: keepAliveMs,
    },
    handler,
  );
  if (connectionsPerAddress !== null) capConnections(server, connectionsPerAddress);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseRaw(socket, statusOf(error)));
  // Without a listener Node would cut the connection without a word.
  server.on("connect", (_request, socket: Socket) => refuseRaw(socket, 405));
  return server;
}

/**
 * Answers over a connection that no response can be made for, and closes it. Where a part of a response was sent already, it
 * is only closed: a second status line in its middle would be read as content.
 */
export function refuseRaw(socket: Socket, status: number): void {
  const { _httpMessage: response } = socket as Socket & { readonly _httpMessage?: { readonly headersSent: boolean } };
  if (socket.writable && response?.headersSent !== true) {
    const allow = status === 405 ? "Allow: GET, HEAD, POST, DELETE\r\n" : "";
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${allow}Connection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
  socket.destroySoon();
}

function statusOf(error: NodeJS.ErrnoException): number {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return 408;
  return error.code === "HPE_HEADER_OVERFLOW" || error.code === "HPE_CHUNK_EXTENSIONS_OVERFLOW" ? 431 : 400;
}

function capConnections(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (open.get(address) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
