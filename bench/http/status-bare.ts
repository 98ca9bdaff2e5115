import fastify from "fastify";
import type { Figures } from "../case.ts";
import type { StatusInput } from "./status.ts";
import { statusBody } from "./status-body.ts";
import { underLoad } from "./under-load.ts";

/** A route that sends a text which is there already. */
export async function measure(input: StatusInput): Promise<Figures> {
  const body = statusBody();
  const app = fastify();
  app.get("/api/batch-status/:batchId", async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(body),
  );
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const figures = await underLoad({ ...input, url: `${url}/api/batch-status/x`, cookie: "a=b" });
  await app.close();
  return { ...figures, bodyBytes: body.length };
}
