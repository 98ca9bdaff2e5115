import type { WireClaimed, WireLease, WireOrders, WireReportResults } from "../../../src/wire/lease.ts";
import type { WireWorker } from "../../../src/wire/worker.ts";

/** Sends JSON to a path of the server, with the operator's token. */
export type Call = (path: string, init?: RequestInit) => Promise<Response>;

export type Named = Pick<WireLease, "itemId" | "token">;

/** What a worker in another language does, call by call; each asserts that it was answered with 2xx. */
export class HttpWorker {
  readonly id: string;
  readonly #call: Call;

  constructor(call: Call, id: string) {
    this.#call = call;
    this.id = id;
  }

  static async open(call: Call, options: object = {}): Promise<HttpWorker> {
    const worker = await post<WireWorker>(call, "/api/workers", { name: "over HTTP", ...options });
    return new HttpWorker(call, worker.workerId);
  }

  /** The same worker, by way of another server. */
  at(call: Call): HttpWorker {
    return new HttpWorker(call, this.id);
  }

  async claim(options: object = {}): Promise<readonly WireLease[]> {
    const { leases } = await this.#post<WireClaimed>("claim", { held: [], ...options });
    return leases;
  }

  async claimOne(): Promise<WireLease> {
    const [lease] = await this.claim();
    if (lease === undefined) throw new Error("nothing can be claimed");
    return lease;
  }

  beat(options: object = {}): Promise<WireOrders> {
    return this.#post<WireOrders>("heartbeat", { held: [], ...options });
  }

  async report(...reports: readonly object[]): Promise<readonly string[]> {
    const { results } = await this.#post<WireReportResults>("reports", { reports });
    return results.map(({ result }) => result);
  }

  async complete(lease: Named, output: unknown = null): Promise<string> {
    const [result = ""] = await this.report({ type: "complete", ...named(lease), output });
    return result;
  }

  async leave(): Promise<void> {
    const answer = await this.#call(`/api/workers/${this.id}`, { method: "DELETE" });
    if (answer.status !== 204) throw new Error(`leaving was answered with ${answer.status}`);
  }

  #post<T>(path: string, body: object): Promise<T> {
    return post(this.#call, `/api/workers/${this.id}/${path}`, body);
  }
}

export function named({ itemId, token }: Named): Named {
  return { itemId, token };
}

export function json(body: unknown): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function post<T>(call: Call, path: string, body: object): Promise<T> {
  const answer = await call(path, json(body));
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
