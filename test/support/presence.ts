import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const STAY = fileURLToPath(new URL("stay.ts", import.meta.url));

/** Programs that stay until they are killed, seen from outside: each is a connection that ends with its process. */
export interface Presence {
  /** A command line for sh that starts one. */
  readonly command: string;
  /** The same, and SIGTERM does not end it. */
  readonly stubborn: string;
  /** The next one that has started. */
  arrival(): Promise<{ readonly gone: Promise<void> }>;
}

export async function watchPresence(folder: string): Promise<Presence> {
  const path = join(folder, "presence");
  const server = createServer();
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  server.on("connection", (socket) => {
    socket.once("data", () => {
      const next = waiting.shift();
      if (next === undefined) sockets.push(socket);
      else next(socket);
    });
    socket.on("error", () => {});
  });
  server.listen(path);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const command = `'${process.execPath}' '${STAY}' '${path}'`;
  return {
    command,
    stubborn: `${command} stubborn`,
    async arrival() {
      const socket = sockets.shift() ?? (await new Promise<Socket>((resolve) => waiting.push(resolve)));
      const gone = socket.closed ? Promise.resolve() : once(socket, "close").then(() => {});
      return { gone };
    },
  };
}
