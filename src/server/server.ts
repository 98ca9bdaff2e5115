import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { Server } from "node:http";
import { MilepostError } from "../core/errors.ts";
import type { Milepost } from "../engine/milepost.ts";
import { documentUploads } from "../pipelines/documents/document-uploads.ts";
import { imageUploads } from "../pipelines/images/image-uploads.ts";
import { karaokeUploads } from "../pipelines/karaoke/karaoke-uploads.ts";
import { findOpenTelemetry } from "../platform/open-telemetry.ts";
import { type Logger, SILENT } from "../ports/logger.ts";
import { StatusManager } from "../views/status-manager.ts";
import { buildApp } from "./app.ts";
import { Backlog } from "./backlog.ts";
import { BatchAnswers } from "./batch-answers.ts";
import { Callers } from "./callers.ts";
import type { App } from "./context.ts";
import { DocumentSearch } from "./document-search.ts";
import { EventHub } from "./events/event-hub.ts";
import { ServerFiles } from "./files/server-files.ts";
import { withoutFolder } from "./hide-folder.ts";
import { Idempotency } from "./idempotency.ts";
import { keptText } from "./kept-text.ts";
import { toLogger } from "./log.ts";
import type { ServedRoute } from "./methods.ts";
import { Polls } from "./polls.ts";
import { Previews } from "./previews.ts";
import { RateLimit } from "./rate-limit.ts";
import { Reception } from "./reception.ts";
import { type ServerOptions, type ServerSettings, toServerSettings } from "./settings.ts";
import { Submissions } from "./submissions.ts";
import { startWebhooks } from "./webhooks/webhooks.ts";

const TOKEN_BYTES = 24;
const SECRET_BYTES = 32;
const MINUTE_MS = 60_000;
/** A closing server looks for connections whose last request has ended this often. */
const CLOSE_IDLE_EVERY_MS = 100;
/** Whose a file is, where several would take it: the first's. */
const FACETS = [imageUploads, karaokeUploads, documentUploads];

export interface MilepostServer {
  /** The operator's token. */
  readonly token: string;
  /** Every address that it answers. */
  readonly routes: readonly ServedRoute[];
  /** The server's log, for what belongs to it: `openMilepost` can be given a logger that writes here. */
  readonly log: Logger;
  /**
   * Begins to listen and returns the address: `http://127.0.0.1:7077`.
   * @throws {MilepostError} `CONFLICT` where something else listens there, `INVALID_ARGUMENT` where nothing can
   */
  listen(): Promise<string>;
  /**
   * Takes no more requests, lets those under way end for `limits.drainMs`, ends event streams so that their readers come
   * back elsewhere, and resolves. The engine stays open. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The engine as a service over HTTP. It runs no work of its own accord, webhooks excepted: `milepost.work()` does, in this
 * process or another.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`
 * @example
 * await using milepost = await openMilepost("work.db");
 * await using server = await createServer(milepost, { files: "/var/lib/milepost" });
 * console.log(await server.listen());
 */
export async function createServer(milepost: Milepost, options: ServerOptions): Promise<MilepostServer> {
  const settings = toServerSettings(options);
  const { limits, files: folder } = settings;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const token = options.token ?? randomBytes(TOKEN_BYTES).toString("base64url");
  const secret = await keptText(folder, "secret", () => randomBytes(SECRET_BYTES).toString("hex"));
  const callers = new Callers({
    secret: Buffer.from(secret, "hex"),
    files: folder,
    token,
    limits,
    now: () => Date.now(),
  });
  // Until there is one.
  let log = SILENT;
  const events = new EventHub({
    milepost,
    limits,
    hide: (json) => withoutFolder(folder, json),
    onError: (error) => log.error("events could not be told", { error: String(error) }),
  });
  const submissions = new Submissions(milepost, folder);
  const idempotency = new Idempotency(folder);
  const files = await ServerFiles.open({
    milepost,
    settings,
    facets: FACETS,
    onError: (error) => log.error("files could not be swept", { error: String(error) }),
  });
  const search = new DocumentSearch({ indexes: files.indexes, limits });
  const previews = new Previews(limits);
  const reception = new Reception({ callers, files, limits, folder });
  const answers = new BatchAnswers(milepost);
  const most = limits.requestsPerMinute;
  const detail = `at most ${most} requests a minute; wait as long as Retry-After says`;
  const rate = new RateLimit({ most, spanMs: MINUTE_MS, detail });
  const isEachSeen = settings.log !== null || (await findOpenTelemetry()) !== null;
  const polls = isEachSeen ? null : new Polls({ rate, requestsPerConnection: limits.requestsPerConnection });
  const parts = {
    milepost,
    settings,
    callers,
    events,
    submissions,
    idempotency,
    files,
    backlog: new Backlog(milepost, limits),
    search,
    previews,
    reception,
    answers,
    polls,
    rate,
  };
  const { app, routes, servers } = await buildApp({ ...parts, facets: FACETS });
  log = toLogger(app.log);
  const lookAfter = async (): Promise<void> => {
    for (const error of await submissions.finishLeft())
      log.error("a submission could not be finished", { error: String(error) });
    for (const kept of [callers, reception])
      await kept.sweep().catch((error: unknown) => log.error("sessions could not be swept", { error: String(error) }));
  };
  await lookAfter();
  const webhooks =
    settings.webhooks && (await startWebhooks({ milepost, files: folder, log, options: settings.webhooks }));
  const timer = setInterval(() => void lookAfter(), limits.sweepEveryMs).unref();
  // It looks after the entries of documents that callers report on; those of uploads go with their batches.
  const documents = new StatusManager(milepost);
  const end = async (): Promise<void> => {
    clearInterval(timer);
    await Promise.all([drain(app, servers, limits.drainMs), webhooks?.stop(limits.drainMs)]);
    answers.close();
    await Promise.all([files.close(), search.close(), previews.close(), documents.close()]);
  };
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= end();
    return closed;
  };
  return { token, routes, log, listen: () => listen(app, settings), close, [Symbol.asyncDispose]: close };
}

async function listen(app: App, { host, port }: ServerSettings): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === "EADDRINUSE") {
      const message = `something listens on ${host} port ${port} already; choose another port, or 0 for any free one`;
      throw new MilepostError("CONFLICT", message, { cause: error });
    }
    throw new MilepostError("INVALID_ARGUMENT", `cannot listen on ${host} port ${port}: ${code}`, { cause: error });
  }
}

/** Requests under way may end; their connections are closed as they do, and what is left after `drainMs` is cut. */
async function drain(app: App, servers: readonly Server[], drainMs: number): Promise<void> {
  const closeIdle = setInterval(() => {
    for (const server of servers) server.closeIdleConnections();
  }, CLOSE_IDLE_EVERY_MS);
  const cut = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, drainMs);
  try {
    await app.close();
  } finally {
    clearInterval(closeIdle);
    clearTimeout(cut);
  }
}
