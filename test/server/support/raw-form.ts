import { connect, type Socket } from "node:net";

/** The beginning of a PNG, which is all that is looked at when a file comes in. */
export const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(100, 1)]);

export const BOUNDARY = "a-boundary";

/** A part of a form, byte by byte as given. */
export function part(disposition: string, content: Uint8Array | string, headers = ""): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n${headers}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content as string), Buffer.from("\r\n")]);
}

export function form(...parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat([...parts.map((text) => Buffer.from(text as string)), Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

export function filePart(filename: string, content: Uint8Array = PNG): Buffer {
  return part(`name="files"; filename="${filename}"`, content);
}

/** Opens a connection and sends the head of an upload. */
export async function beginUpload(url: string, headers: readonly string[] = []): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.write(
    [
      "POST /api/uploads HTTP/1.1",
      `Host: ${host}`,
      `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
      ...headers,
      "",
      "",
    ].join("\r\n"),
  );
  return socket;
}

/** All that the server sends until it closes the connection or `isEnough`. */
export function answerOn(socket: Socket, isEnough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const end = (): void => resolve(text);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (isEnough(text)) end();
    });
    socket.once("close", end).on("error", () => {});
  });
}
