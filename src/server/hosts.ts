import type { Socket } from "node:net";

/** The names that a server goes by. Anything else in `Host` is a page of another site that had its name point here. */
export class Hosts {
  readonly #allowed: ReadonlySet<string>;

  /** @param allowed `example.org` for any port, `example.org:8080` for that one */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((name) => name.toLowerCase()));
  }

  /**
   * True for a `Host` that is an allowed name, `localhost`, or the very address that the connection was made to. An address
   * cannot be made to point elsewhere as a name can, so its port does not matter: tunnels change it.
   */
  isOwn(host: string, socket: Pick<Socket, "localAddress">): boolean {
    const parsed = parseHost(host);
    if (parsed === null) return false;
    const { name } = parsed;
    return name === "localhost" || name === plainAddress(socket.localAddress ?? "") || this.#isAllowed(parsed);
  }

  /** True for an `Origin` that is the site of this very `Host`, or an allowed name. */
  isSameSite(origin: string, host: string): boolean {
    const parsed = /^https?:\/\/([^/?#@\\]+)$/i.exec(origin)?.[1];
    if (parsed === undefined) return false;
    const at = parseHost(parsed);
    return at !== null && (parsed.toLowerCase() === host.toLowerCase() || this.#isAllowed(at));
  }

  #isAllowed({ name, port }: HostName): boolean {
    return this.#allowed.has(name) || this.#allowed.has(`${name}:${port}`);
  }
}

interface HostName {
  /** Lower case, an IPv6 address without its brackets. */
  readonly name: string;
  /** Empty where none was given. */
  readonly port: string;
}

function parseHost(host: string): HostName | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/.exec(host.toLowerCase());
  const name = match?.[1] ?? match?.[2];
  return name === undefined ? null : { name, port: match?.[3] ?? "" };
}

/** An IPv4 address that came through an IPv6 socket, as it is written in URLs. */
function plainAddress(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
}
