import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A connection that sends what no client would. */
export interface RawSocket {
  readonly socket: Socket;
  readonly send: (text: string | Uint8Array) => void;
  /** All that came, once the other side has closed. */
  readonly closed: Promise<string>;
  /** All that came, as soon as `isSeen` holds for it. */
  readonly until: (isSeen: (text: string) => boolean) => Promise<string>;
}

export async function openRaw(url: string): Promise<RawSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  onTestFinished(() => void socket.destroy());
  let text = "";
  const waiting = new Set<() => void>();
  const closed = Promise.withResolvers<string>();
  const ready = Promise.withResolvers<void>();
  socket.setEncoding("utf8");
  socket.once("connect", () => ready.resolve());
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (const look of waiting) look();
  });
  socket.on("error", (error) => ready.reject(error));
  socket.once("close", () => closed.resolve(text));
  await ready.promise;
  return {
    socket,
    send: (given) => void socket.write(given),
    closed: closed.promise,
    until: (isSeen) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isSeen(text)) return;
          waiting.delete(look);
          resolve(text);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Sends one piece of text over a connection of its own and returns all that came until the server closed it. */
export async function exchange(url: string, text: string): Promise<string> {
  const raw = await openRaw(url);
  raw.send(text);
  return raw.closed;
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}
