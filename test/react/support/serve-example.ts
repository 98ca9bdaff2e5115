import { readFileSync } from "node:fs";
import { request as ask, createServer, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../../support/open-for-test.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

export interface ServedExample {
  readonly url: string;
  /** The server that `/api` leads to from now on. */
  target: string;
  /** Event streams that are open now, by address. */
  readonly streams: ReadonlySet<string>;
  /** Resolves when what is looked at has become true by a stream that opened or closed. */
  until(isTrue: () => boolean): Promise<void>;
}

/** The example `examples/react` as Vite builds it, on the sources as they are, and a server beside it on one origin. */
export async function serveExample(target: string): Promise<ServedExample> {
  const folder = temporaryFolder();
  await build({
    configFile: join(root, "examples/react/vite.config.ts"),
    root: join(root, "examples/react"),
    logLevel: "warn",
    resolve: {
      alias: {
        "milepost/client": join(root, "src/client/client.ts"),
        "milepost/react": join(root, "src/react/react.ts"),
      },
    },
    // As in development, so that React's strict mode does what it does there.
    mode: "development",
    build: { outDir: folder, emptyOutDir: true, minify: false },
  });
  const streams = new Set<string>();
  let changed = Promise.withResolvers<void>();
  const note = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const example = {
    url: "",
    target,
    streams,
    until: async (isTrue: () => boolean) => {
      while (!isTrue()) await changed.promise;
    },
  };
  const pass = (path: string, from: Parameters<typeof ask>[1], response: ServerResponse) =>
    ask(new URL(path, example.target), from, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (answer.headers["content-type"] !== "text/event-stream") {
        answer.pipe(response);
        return;
      }
      // A server that closes asks its readers to come back spread over seconds, which a test need not wait for.
      answer.on("data", (bytes: Buffer) =>
        response.write(bytes.toString("latin1").replace(/^retry: \d+$/gm, "retry: 50"), "latin1"),
      );
      answer.once("end", () => response.end());
      streams.add(path);
      note();
      answer.once("close", () => {
        response.destroy();
        streams.delete(path);
        note();
      });
    });
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (!path.startsWith("/api")) {
      const name = path === "/" ? "index.html" : path.slice(1);
      response.setHeader("content-type", TYPES[extname(name)] ?? "application/octet-stream");
      response.end(readFileSync(join(folder, name)));
      return;
    }
    const { method, headers } = request;
    const onward = pass(path, { method, headers: { ...headers, host: new URL(example.target).host } }, response);
    onward.on("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the example has no port");
  example.url = `http://127.0.0.1:${address.port}`;
  return example;
}
