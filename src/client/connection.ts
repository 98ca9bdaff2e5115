import { type ApiError, toApiError } from "./api-error.ts";

/** Where the server is, and who calls. */
export interface ClientOptions {
  /** Where the server is: `http://127.0.0.1:7077`. In a page that the server itself shows: `location.origin`. */
  readonly url: string;
  /** The operator's token; without one the session of the browser's cookie is used. */
  readonly token?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** One server as a client reaches it. */
export class Connection {
  readonly url: string;
  readonly token: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ url, token, fetch = globalThis.fetch }: ClientOptions) {
    this.url = url.replace(/\/+$/, "");
    this.token = token;
    // Browsers refuse to call it as the method of anything else.
    this.#fetch = (...given) => fetch(...given);
  }

  addressOf(path: string, query: Query = {}): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    const text = parameters.toString();
    return `${this.url}${path}${text === "" ? "" : `?${text}`}`;
  }

  headers(): Record<string, string> {
    return this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
  }

  /** The answer as it comes. @throws {ApiError} if the server refuses */
  async open(
    method: string,
    path: string,
    options: CallOptions & { readonly rawBody?: RequestInit["body"] } = {},
  ): Promise<Response> {
    const { query, body, headers, signal, rawBody } = options;
    const answer = await this.#fetch(this.addressOf(path, query), {
      method,
      headers: {
        ...this.headers(),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(rawBody !== undefined && { body: rawBody }),
      ...(signal !== undefined && { signal }),
    });
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  }

  /** The answer's JSON. @throws {ApiError} if the server refuses */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.open(method, path, options);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }
}

async function refusalOf(answer: Response): Promise<ApiError> {
  return toApiError(answer.status, await answer.text().catch(() => ""), answer.headers.get("retry-after"));
}
