import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Figures } from "../case.ts";
import type { FanOutInput } from "./fan-out.ts";
import { underListeners } from "./under-listeners.ts";

/** About as long as the event of a change. */
const PADDING = "x".repeat(850);

/** What a person would write by hand: the same text to every response. */
export async function measure({ listeners, seconds }: FanOutInput): Promise<Figures> {
  const responses = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: {"padding":"${PADDING}"}\n\n`);
    responses.add(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const figures = await underListeners({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    authorization: "",
    listeners,
    seconds,
    change: (number) => {
      for (const response of responses) {
        response.write(`id: ${number}\ndata: {"padding":"${PADDING}","priority":${number}}\n\n`);
      }
    },
  });
  server.closeAllConnections();
  server.close();
  return figures;
}
