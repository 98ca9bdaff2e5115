/**
 * The process that makes the load: `node load.js <url> <cookie> <connections> <seconds>`; each connection asks again when it was
 * answered. Written on sockets, because Node's own client takes longer than the server. Sends how many answers came in `seconds`.
 */
import { connect, type Socket } from "node:net";

const [address = "", cookie = "", connections = "1", seconds = "1"] = process.argv.slice(2);
const url = new URL(address);
const request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nCookie: ${cookie}\r\n\r\n`;
let answers = 0;

/** Reads one answer after the other; its length stands in its head. */
class Asker {
  readonly #socket: Socket;
  #left = 0;
  #head = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => fail(error.message));
    socket.write(request);
  }

  #read(chunk: Buffer): void {
    if (this.#left === 0) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.#head.startsWith("HTTP/1.1 200")) fail(this.#head.slice(0, 200));
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1]);
      this.#left = length - (this.#head.length - end - 4);
      this.#head = "";
    } else {
      this.#left -= chunk.length;
    }
    if (this.#left > 0) return;
    answers += 1;
    this.#socket.write(request);
  }
}

function fail(what: string): never {
  process.stderr.write(`the load: ${what}\n`);
  process.exit(1);
}

for (let index = 0; index < Number(connections); index++) new Asker(connect(Number(url.port), url.hostname));
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
// Until the code of the server is compiled.
await wait(1_000);
process.send?.("begin");
const [before, at] = [answers, performance.now()];
await wait(Number(seconds) * 1_000);
const perSecond = ((answers - before) / (performance.now() - at)) * 1_000;
process.send?.({ answers: answers - before, perSecond }, () => process.exit(0));
