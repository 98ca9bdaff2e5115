import { ApiError, type Client, createClient } from "../../../src/client/client.ts";

const KEY = "milepost-token";

/** Who is at the page: the operator with a token, or a person with a cookie, if any. */
export interface Session {
  readonly client: Client;
  readonly isOperator: boolean;
  /** What requests outside the client need: downloads. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The token is kept as long as the tab is open, and nowhere else. */
export function storedToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function storeToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

export function sessionOf(token: string | null): Session {
  const url = location.origin;
  if (token === null) return { client: createClient({ url }), isOperator: false, headers: {} };
  return {
    client: createClient({ url, token }),
    isOperator: true,
    headers: { authorization: `Bearer ${token}` },
  };
}

/** Whether the server takes the token; null: yes. @throws what is no refusal: the server cannot be reached */
export async function refusalOfToken(token: string): Promise<ApiError | null> {
  try {
    await sessionOf(token).client.queues();
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
