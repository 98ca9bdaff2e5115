/** A server process for tests that kill it: `node serve.ts <store> <files folder>`; prints its address. */
import { openMilepost } from "../../../src/index.ts";
import { createServer } from "../../../src/server/server.ts";

const [store = "", files = ""] = process.argv.slice(2);
const milepost = await openMilepost(store);
const server = await createServer(milepost, { port: 0, token: process.env.MILEPOST_TOKEN ?? "", files });
process.stdout.write(`${await server.listen()}\n`);
