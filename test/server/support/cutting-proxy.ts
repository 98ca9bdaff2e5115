import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A way to a server on which every connection breaks after so many bytes of the answer. */
export interface CuttingProxy {
  readonly url: string;
  /** Leads to another server from now on. */
  target: string;
  /** How many connections it has broken. */
  readonly cuts: number;
  /** Breaks what is open. */
  cutAll(): void;
}

/** @param bytesOf how much of the answer the next connection lets through */
export async function startCuttingProxy(target: string, bytesOf: () => number): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const proxy = {
    url: "",
    target,
    cuts: 0,
    cutAll: () => {
      for (const socket of open) socket.destroy();
    },
  };
  const server = createServer((client) => {
    const { hostname, port } = new URL(proxy.target);
    const upstream = connect(Number(port), hostname);
    let left = bytesOf();
    const close = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", close);
      socket.once("close", () => {
        open.delete(socket);
        close();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      if (bytes.length < left) {
        left -= bytes.length;
        client.write(bytes);
        return;
      }
      proxy.cuts += 1;
      client.end(bytes.subarray(0, left));
      upstream.destroy();
    });
    upstream.once("end", () => client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        proxy.cutAll();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  proxy.url = `http://127.0.0.1:${address.port}`;
  return proxy;
}
