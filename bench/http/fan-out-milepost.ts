import { join } from "node:path";
import { openMilepost } from "../../src/index.ts";
import { createServer } from "../../src/server/server.ts";
import type { Figures } from "../case.ts";
import type { FanOutInput } from "./fan-out.ts";
import { underListeners } from "./under-listeners.ts";

/** Changes of one batch, committed to a store on disk, told to all who listen to its events. */
export async function measure({ folder, listeners, seconds }: FanOutInput): Promise<Figures> {
  await using milepost = await openMilepost(join(folder, "work.db"));
  await using server = await createServer(milepost, { port: 0, files: join(folder, "files") });
  const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
  const figures = await underListeners({
    url: `${await server.listen()}/api/batches/${id}/events`,
    authorization: `Bearer ${server.token}`,
    listeners,
    seconds,
    change: (number) => void batch.setPriority(number),
  });
  return figures;
}
