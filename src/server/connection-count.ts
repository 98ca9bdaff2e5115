import type { Socket } from "node:net";

const requestsOn = new WeakMap<Socket, number>();

/** How many requests came over a connection, `more` counted in. */
export function countOn(socket: Socket, more = 1): number {
  const count = (requestsOn.get(socket) ?? 0) + more;
  if (more !== 0) requestsOn.set(socket, count);
  return count;
}
