import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server on which answers can get lost: what was asked has arrived, and nobody hears what came of it. */
export class LosingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #marker: string | null = null;
  #cuts = 0;

  constructor(port: number) {
    this.#server = createServer((client) => this.#relay(client, connect(port, "127.0.0.1")));
  }

  /** Returns the proxy's port. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP port was expected");
    return address.port;
  }

  /** How many answers got lost so far. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Loses the answer to the next message that holds this text, and with it the connection. */
  loseAnswerTo(marker: string): void {
    this.#marker = marker;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #relay(client: Socket, server: Socket): void {
    let isCut = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (!isCut) for (const other of [client, server]) other.destroy();
      });
    }
    client.on("data", (data) => {
      if (this.#marker !== null && data.includes(this.#marker)) {
        this.#marker = null;
        isCut = true;
      }
      server.write(data);
    });
    server.on("data", (data) => {
      if (!isCut) {
        client.write(data);
        return;
      }
      // The server has done it by now; it is let go without a word, so that it need not notice.
      this.#cuts += 1;
      client.destroy();
      server.end();
    });
  }
}
