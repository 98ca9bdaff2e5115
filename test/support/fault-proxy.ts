import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * What a proxy does with what passes through it.
 *
 * - `pass`: hands everything on.
 * - `lost-reply`: lets COMMITs reach the server and breaks the connection in place of the answer.
 * - `half`: requests reach the server, answers are swallowed; nobody is told, as behind a router that forgot the connection.
 * - `blackhole`: nothing gets through in either direction; connections stay open, new ones too.
 * - `cut`: breaks all connections and refuses new ones.
 */
const FAULT_MODES = ["pass", "lost-reply", "half", "blackhole", "cut"] as const;
export type FaultMode = (typeof FAULT_MODES)[number];

export interface FaultProxyOptions {
  readonly host?: string;
  readonly port: number;
  /** Where the proxy listens. Default: on this machine alone. */
  readonly listenOn?: string;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** True once a COMMIT was handed on whose answer must not arrive. */
  isDoomed: boolean;
  /** The end of what came last, for words that are cut in two. */
  tail: string;
}

/** A COMMIT as a simple query, or as the text of a prepared one; and the answer to it. */
const COMMIT = "COMMIT\0";

/** A TCP proxy before a PostgreSQL that fails as networks do, in the mode it was set to last. */
export class FaultProxy {
  readonly port: number;
  readonly #options: FaultProxyOptions;
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  #mode: FaultMode = "pass";
  /** COMMITs whose answers were lost. */
  lost = 0;
  /** Called after each of them. */
  onLost: () => void = () => {};

  private constructor(options: FaultProxyOptions, listener: Server, port: number) {
    this.#options = options;
    this.#listener = listener;
    this.port = port;
    listener.on("connection", (client) => this.#link(client));
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const listener = createServer();
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, options.listenOn ?? "127.0.0.1", resolve);
    });
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    return new FaultProxy(options, listener, address.port);
  }

  get mode(): FaultMode {
    return this.#mode;
  }

  /** What was swallowed stays lost: connections that were open in `half` or `blackhole` are broken by the next mode. */
  set mode(mode: FaultMode) {
    const isMute = this.#mode === "half" || this.#mode === "blackhole";
    this.#mode = mode;
    if (mode === "cut" || isMute) this.breakAll();
  }

  get connections(): number {
    return this.#links.size;
  }

  /** The same URL, by way of the proxy. */
  urlOf(url: string, host = "127.0.0.1"): string {
    const through = new URL(url);
    through.hostname = host;
    through.port = String(this.port);
    return through.href;
  }

  breakAll(): void {
    for (const link of this.#links) destroy(link);
  }

  async close(): Promise<void> {
    this.breakAll();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #link(client: Socket): void {
    if (this.#mode === "cut") {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#options.port, this.#options.host ?? "127.0.0.1");
    const link: Link = { client, server, isDoomed: false, tail: "" };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => destroy(link));
      socket.once("close", () => this.#onClose(link));
    }
    client.on("data", (bytes: Buffer) => this.#toServer(link, bytes));
    server.on("data", (bytes: Buffer) => this.#toClient(link, bytes));
    client.on("end", () => server.end());
    server.on("end", () => client.end());
  }

  /** In a mute mode the other side is not told. */
  #onClose(link: Link): void {
    this.#links.delete(link);
    destroy(link);
  }

  #toServer(link: Link, bytes: Buffer): void {
    if (this.#mode === "blackhole") return;
    if (this.#mode === "lost-reply" && holds(link, bytes)) link.isDoomed = true;
    pass(link.client, link.server, bytes);
  }

  #toClient(link: Link, bytes: Buffer): void {
    if (link.isDoomed) {
      if (!holds(link, bytes)) return;
      this.lost += 1;
      destroy(link);
      this.onLost();
      return;
    }
    if (this.#mode === "half" || this.#mode === "blackhole") return;
    pass(link.server, link.client, bytes);
  }
}

/** Whether a COMMIT, or the answer to one, ends in these bytes. */
function holds(link: Link, bytes: Buffer): boolean {
  const text = link.tail + bytes.toString("latin1");
  const isFound = text.includes(COMMIT);
  link.tail = isFound ? "" : text.slice(1 - COMMIT.length);
  return isFound;
}

function pass(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.write(bytes)) return;
  from.pause();
  to.once("drain", () => from.resume());
}

function destroy({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}
