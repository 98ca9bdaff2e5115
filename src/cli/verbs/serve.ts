import { availableParallelism, totalmem } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { escapeText } from "../../format/escape.ts";
import type { Logger } from "../../ports/logger.ts";
import type { MilepostServer } from "../../server/server.ts";
import { type ServerOptions, toServerSettings } from "../../server/settings.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { declarePipelines } from "../declare-pipelines.ts";
import { failureOf } from "../follow.ts";
import { Interrupt } from "../interrupt.ts";
import { byteCount, durationMs, wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";
import { WorkProcess } from "../work-process.ts";

interface ServeOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly files?: string;
  readonly storage?: string;
  readonly token?: string;
  readonly allowHost?: readonly string[];
  readonly trustProxy?: boolean;
  readonly concurrency?: number;
  readonly memory?: number;
  /** False: `--no-work`. */
  readonly work: boolean;
  readonly retention: number;
  readonly limit?: Readonly<Record<string, number>>;
  readonly webhook?: readonly string[];
  readonly log: "json" | "none";
}

const PORT = 7_077;
const PORT_MAX = 65_535;
const RETENTION_MS = 3_600_000;
const GRACE_MS = 5_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;

const DESCRIPTION = `Serves the store over HTTP: uploads, batches, live events, an API for operators and programs
(/api shows all of it), and runs the work that waits, unless --no-work. It binds to this machine
alone unless told otherwise. The work has a process of its own, which is started again if a file
brings it down. Who sends files in needs no account: a signed cookie owns what they
send. Everything else needs the operator's token: --token, else MILEPOST_TOKEN (other users of
the machine can see options, not the environment), else one made for this run and printed once.
Ctrl-C stops: requests finish, event streams end, running items get a few seconds and the rest is
given back; twice ends at once.`;

export function serveVerb(cli: Cli): Command {
  return declareVerb({
    name: "serve",
    summary: "serve the store over HTTP and run its work",
    description: DESCRIPTION,
    examples: [
      ["milepost serve", "on http://127.0.0.1:7077, until Ctrl-C"],
      ["milepost serve --host 0.0.0.0 --trust-proxy --allow-host example.org", "behind a proxy"],
      ["milepost serve --no-work --webhook https://example.org/hook", "others work"],
    ],
  })
    .option("--host <address>", "the address to bind to", "127.0.0.1")
    .option("--port <n>", "the port; 0 for any free one", wholeNumber(0, PORT_MAX), PORT)
    .option("--files <folder>", "for uploads, outputs and secrets (default: beside the store)")
    .option("--storage <s3://…>", "for workers that do not see that folder: inputs and outputs lie there too")
    .option("--token <token>", "the operator's token, at least 16 characters")
    .addOption(new Option("--allow-host <name...>", "a name that the server goes by: example.org"))
    .option("--trust-proxy", "believe the X-Forwarded-For and -Proto of the one proxy in front")
    .option("--concurrency <n>", "items at once (default: one for each core)", wholeNumber(1, LIMITS.concurrency))
    .option("--memory <size>", "what the work may take: 2G (default: half of what there is)", byteCount)
    .option("--no-work", "only serve; leave the work to others")
    .addOption(
      new Option("--retention <time>", "keep finished batches of sessions, with their files, for so long")
        .argParser(durationMs)
        .default(RETENTION_MS, "1h"),
    )
    .addOption(
      new Option(
        "--limit <name=number...>",
        "change what is accepted: filesPerBatch=1000 (docs/http.md has all)",
      ).argParser(limit),
    )
    .addOption(new Option("--webhook <url...>", "tell this URL when a batch ends, signed with MILEPOST_WEBHOOK_SECRET"))
    .addOption(
      new Option("--log <form>", "a JSON line on stderr for each request").choices(["json", "none"]).default("none"),
    )
    .action(async (_options: unknown, command: Command) => serve(cli, command.optsWithGlobals<ServeOptions>()));
}

/** Takes one more limit; which there are is the server's to know. */
function limit(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const [, name, number] = /^([a-zA-Z]+)=(\d+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("It must be a name and a whole number: filesPerBatch=1000.");
  return { ...before, [name]: Number(number) };
}

async function serve(cli: Cli, options: ServeOptions): Promise<void> {
  const serverOptions = toServerOptions(cli, options);
  // What is wrong with them is said before a store is made.
  toServerSettings(serverOptions);
  const log = new ServerLog(cli);
  const logger = options.log === "json" ? log : cli.logger();
  await cli.withStore({ ...options, create: true, logger }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    declarePipelines(milepost, cli);
    // Fastify and all that belongs to it cost other verbs nothing.
    const { createServer } = await import("../../server/server.ts");
    const server = await createServer(milepost, serverOptions);
    log.server = server;
    let work: Work | null = null;
    try {
      const url = await server.listen();
      if (options.work) work = await startWork(cli, milepost, options, logger);
      announce(cli, { url, options, files: serverOptions.files, token: serverOptions.token ? null : server.token });
      await interrupt.unlessRaised(work === null ? forever() : work.failed());
      cli.note("stopping: waiting a few seconds for requests and work; Ctrl-C again ends at once");
    } finally {
      await Promise.all([server.close(), work?.stop()]);
    }
  });
}

/** The work of the store, wherever it is done. */
interface Work {
  /** Rejects when it cannot go on; never resolves. */
  failed(): Promise<never>;
  stop(): Promise<void>;
}

/** In a process of its own; but what a store in memory holds no other process can see. */
async function startWork(cli: Cli, milepost: Milepost, options: ServeOptions, logger: Logger): Promise<Work> {
  const concurrency = options.concurrency ?? availableParallelism();
  const store = cli.storeLocation(options);
  const onDrained = (): void => cli.note("drained: it only serves now, and leaves the work to others");
  if (store === "memory:") {
    const worker = await milepost.work({ concurrency });
    void worker.drained().then(onDrained);
    return { failed: () => failureOf(worker), stop: () => worker.stop({ graceMs: GRACE_MS }) };
  }
  const memoryBytes =
    options.memory ?? Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()) / 2;
  return new WorkProcess({ store, concurrency, memoryBytes, env: cli.io.env, clock: cli.io.clock, logger, onDrained });
}

function toServerOptions(cli: Cli, options: ServeOptions): ServerOptions {
  const { env, stderr, cwd } = cli.io;
  const token = options.token ?? (env.MILEPOST_TOKEN || undefined);
  const secret = env.MILEPOST_WEBHOOK_SECRET || undefined;
  return {
    host: options.host,
    port: options.port,
    files: options.files === undefined ? filesBeside(cli.storeLocation(options)) : resolve(cwd, options.files),
    ...(options.storage !== undefined && { storage: options.storage }),
    ...(token !== undefined && { token }),
    allowedHosts: options.allowHost ?? [],
    trustProxy: options.trustProxy === true,
    limits: { retentionMs: options.retention, ...options.limit },
    ...(options.webhook !== undefined && {
      webhooks: { urls: options.webhook, ...(secret !== undefined && { secret }) },
    }),
    ...(options.log === "json" && { log: { write: (line: string) => void stderr.write(line) } }),
  };
}

/** `.milepost/files` for the default store; a folder of its own for any other, since a folder serves one store. */
function filesBeside(store: string): string {
  if (store === "memory:") throw new MilepostError("INVALID_ARGUMENT", "a store in memory needs --files <folder>");
  if (store.includes("://")) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      "a store on PostgreSQL needs --files <folder>, one that all its servers and workers see",
    );
  }
  return basename(store) === "milepost.db" ? join(dirname(store), "files") : `${store}.files`;
}

function announce(
  cli: Cli,
  started: {
    readonly url: string;
    readonly options: ServeOptions;
    readonly files: string;
    /** Null: the operator gave it and knows it. */
    readonly token: string | null;
  },
): void {
  const { url, options, files, token } = started;
  cli.line(url);
  if (token !== null) cli.note(`operator's token, for this run: ${token}`);
  cli.note(`files: ${escapeText(files)}; ${options.work ? "works on all queues" : "leaves the work to others"}`);
  if (!LOOPBACK.test(options.host)) {
    cli.note(`${escapeText(options.host)} can be reached from outside: put a proxy with TLS in front of it`);
  }
  cli.note(`the dashboard: ${url}; the API: ${url}/api; Ctrl-C stops`);
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

/** The engine's log, which is opened before the server and joins the server's as soon as that is there. */
class ServerLog implements Logger {
  readonly #early: Logger;
  server: MilepostServer | null = null;

  constructor(cli: Cli) {
    this.#early = cli.logger();
  }

  get #target(): Logger {
    return this.server?.log ?? this.#early;
  }

  info(message: string, details?: Readonly<Record<string, unknown>>): void {
    this.#target.info(message, details);
  }

  warn(message: string, details?: Readonly<Record<string, unknown>>): void {
    this.#target.warn(message, details);
  }

  error(message: string, details?: Readonly<Record<string, unknown>>): void {
    this.#target.error(message, details);
  }
}
