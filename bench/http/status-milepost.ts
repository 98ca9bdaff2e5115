import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openMilepost } from "../../src/index.ts";
import { createServer } from "../../src/server/server.ts";
import type { Figures } from "../case.ts";
import type { StatusInput } from "./status.ts";
import { IMAGES } from "./status-body.ts";
import { underLoad } from "./under-load.ts";

const CHANGE_EVERY_MS = 100;

/** Where a session's batch stands, over a store on disk: with the session's cookie, as its page asks. */
export async function measure(input: StatusInput & { readonly isBusy: boolean }): Promise<Figures> {
  mkdirSync(input.folder);
  await using milepost = await openMilepost(join(input.folder, "work.db"));
  await using server = await createServer(milepost, { port: 0, files: join(input.folder, "files") });
  const url = await server.listen();
  const { cookie, path } = await makeBatch(url);
  const answer = await fetch(url + path, { headers: { cookie } });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(body);
  const { batchId } = JSON.parse(body) as { readonly batchId: string };
  let priority = 0;
  const change = (): void => void milepost.batch(batchId).setPriority(++priority);
  const timer = input.isBusy ? setInterval(change, CHANGE_EVERY_MS) : undefined;
  const figures = await underLoad({ ...input, url: url + path, cookie });
  clearInterval(timer);
  return { ...figures, bodyBytes: body.length };
}

async function makeBatch(url: string): Promise<{ readonly cookie: string; readonly path: string }> {
  const form = new FormData();
  const png = new Blob([Buffer.from("\x89PNG\r\n\x1a\n ", "latin1")]);
  for (let index = 0; index < IMAGES; index++) form.append("files", png, `photo-${index}.png`);
  const uploaded = await fetch(`${url}/api/uploads`, { method: "POST", body: form });
  const cookie = uploaded.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { files } = (await uploaded.json()) as { readonly files: readonly { readonly fileId: string }[] };
  const accepted = await fetch(`${url}/api/process-batch`, {
    method: "POST",
    headers: { cookie, "content-type": "application/json" },
    body: JSON.stringify({ fileIds: files.map(({ fileId }) => fileId) }),
  });
  return { cookie, path: accepted.headers.get("location") ?? "" };
}
