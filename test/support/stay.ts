/**
 * A program for tests: `node stay.ts <socket> [stubborn]` connects to the socket and stays until it is killed, also by
 * SIGTERM unless it is stubborn. The connection ends with the process, however that ends.
 */
import { connect } from "node:net";

const [path = "", mode = ""] = process.argv.slice(2);
if (mode === "stubborn") process.on("SIGTERM", () => {});
connect(path, function (this: import("node:net").Socket) {
  this.write(`${process.pid}\n`);
});
