import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { TOKEN } from "./start-server.ts";

/** What a server said on a connection of its own. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A connection to the server, destroyed when the test ends. */
export async function openRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** The head of a request as the operator, with `Host`; header lines may follow, then the body. */
export function rawHead(url: string, requestLine: string, headers: readonly string[] = []): string {
  const lines = [requestLine, `Host: ${new URL(url).host}`, `Authorization: Bearer ${TOKEN}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Sends bytes as they are, and reads until the server closes or the answer's declared length is there. */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<RawAnswer> {
  const socket = await openRaw(url);
  socket.write(bytes);
  let text = "";
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString("latin1");
    const answer = parse(text);
    if (answer !== null) return answer;
  }
  return parse(text) ?? { status: 0, head: "", body: text };
}

function parse(text: string): RawAnswer | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [head, body] = [text.slice(0, end), text.slice(end + 4)];
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (body.length < Number(length ?? 0)) return null;
  return { status: Number(head.split(" ")[1]), head, body: Buffer.from(body, "latin1").toString("utf8") };
}
