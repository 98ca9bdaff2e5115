import { onTestFinished } from "vitest";
import type { Milepost } from "../../../src/index.ts";
import type { ServedRoute } from "../../../src/server/methods.ts";
import { createServer } from "../../../src/server/server.ts";
import type { ServerOptions } from "../../../src/server/settings.ts";
import { openForTest, type StoreName, temporaryFolder } from "../../support/open-for-test.ts";

export const TOKEN = "the-operators-token-of-tests";

export interface TestServer {
  readonly milepost: Milepost;
  readonly url: string;
  readonly files: string;
  readonly routes: readonly ServedRoute[];
  /** `fetch` of a path of the server, as nobody. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** `fetch` with the operator's token. */
  readonly operator: (path: string, init?: RequestInit) => Promise<Response>;
  readonly close: () => Promise<void>;
}

/** A server on a free port over a fresh store, closed when the test ends. */
export async function startServer(
  options: Partial<ServerOptions> & { readonly store?: StoreName; readonly milepost?: Milepost } = {},
): Promise<TestServer> {
  const { store = "memory", milepost: given, ...rest } = options;
  const milepost = given ?? (await openForTest(store));
  const files = rest.files ?? temporaryFolder();
  const server = await createServer(milepost, { port: 0, token: TOKEN, ...rest, files });
  onTestFinished(() => server.close());
  const url = await server.listen();
  const call = (path: string, init?: RequestInit): Promise<Response> => fetch(new URL(path, url), init);
  return {
    milepost,
    url,
    files,
    routes: server.routes,
    fetch: call,
    close: () => server.close(),
    operator: (path, init = {}) =>
      call(path, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...(init.headers as object) } }),
  };
}
