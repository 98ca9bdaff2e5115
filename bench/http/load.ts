/**
 * The process that makes the load: `node load.js <url> <cookie> <connections> <seconds>`; each connection asks again when it was
 * answered. Written on sockets, because Node's own client takes longer than the server. Sends how many answers came in `seconds`.
 */
import { connect, type Socket } from "node:net";

const [address = "", cookie = "", connections = "1", seconds = "1"] = process.argv.slice(2);
const url = new URL(address);
const request = Buffer.from(
  `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nCookie: ${cookie}\r\n\r\n`,
);
let answers = 0;

/** The first digit of the status, after `HTTP/1.1 `. */
const STATUS_AT = 9;
const TWO = 0x32;

/** Asks again with each answer. All have the length of the first, so that their heads are read only where they come in pieces. */
class Asker {
  readonly #socket: Socket;
  #length = 0;
  #left = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => fail(error.message));
    socket.write(request);
  }

  #read(chunk: Buffer): void {
    if (this.#left === 0) {
      if (chunk[STATUS_AT] !== TWO) fail(chunk.toString("latin1", 0, 200));
      if (this.#length === 0) this.#length = lengthOf(chunk);
      this.#left = this.#length;
    }
    this.#left -= chunk.length;
    if (this.#left > 0) return;
    if (this.#left < 0) fail("an answer has another length than the first");
    answers += 1;
    this.#socket.write(request);
  }
}

function lengthOf(chunk: Buffer): number {
  const head = chunk.toString("latin1");
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) fail("the head of the first answer came in pieces");
  return end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
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
