import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { MilepostError } from "../core/errors.ts";
import { requireWhole } from "../core/options.ts";
import { toS3Location } from "./files/storage/s3-location.ts";
import { toEndpoints, toSigningKey, type WebhookOptions } from "./webhooks/webhook-settings.ts";

/** What a server accepts at most. Sizes in bytes, times in milliseconds, the rest in pieces. */
export const SERVER_LIMITS = {
  /** A JSON body. Uploads and NDJSON are streamed and have limits of their own. */
  bodyBytes: 1_048_576,
  /** Files of one batch of a session; the operator has no limit. */
  filesPerBatch: 500,
  filesPerRequest: 500,
  /** While more items than this wait, whosever they are, sessions are refused new ones. */
  waitingItems: 5_000_000,
  fileBytes: 104_857_600,
  requestBytes: 2_147_483_648,
  /** Uploads that are read at once; as many others wait until one has ended. */
  uploadsAtOnce: 100,
  /** Of these, and of those that wait, what one address may have; the operator and this machine itself are not counted. */
  uploadsPerAddress: 25,
  /** What one session may have lying here: uploads, and the inputs and outputs of its batches. */
  sessionBytes: 4_294_967_296,
  /** What one session may send in on a day (UTC), whatever became of it. */
  sessionBytesPerDay: 17_179_869_184,
  /** An NDJSON stream of items. */
  streamBytes: 4_294_967_296,
  /** Uploads are refused while the disk has less room than this. */
  freeBytes: 268_435_456,
  /** Event streams that one session may have open. */
  streamsPerSession: 20,
  /** Searches in indexes of documents that are carried out at once, each in a process of its own. */
  searchesAtOnce: 2,
  /** Searches of one session that run or wait. */
  searchesPerSession: 8,
  /** A search that takes longer, its waiting included, is ended. */
  searchTimeoutMs: 10_000,
  /** Pictures of frames that one session may have asked for and not got yet. */
  previewsPerSession: 4,
  /** A picture of a frame that takes longer to draw is given up. */
  previewTimeoutMs: 20_000,
  /** Sessions that one address may begin in an hour. */
  sessionsPerHour: 60,
  /** An event stream whose reader has not taken this much is cut; it can resume. */
  streamBufferBytes: 1_048_576,
  heartbeatMs: 15_000,
  /** Finished batches of sessions, and uploads that no batch uses, are deleted after this time, with their files. */
  retentionMs: 3_600_000,
  sweepEveryMs: 600_000,
  /** A request whose body has not come whole by then is ended; an upload that brought too little in so long, NDJSON that brought nothing. */
  bodyTimeoutMs: 60_000,
  /** A session that is not used for so long is forgotten. */
  sessionIdleMs: 86_400_000,
  /** However much it is used, a session lasts no longer. */
  sessionMaxMs: 2_592_000_000,
  /** A pause or a stop is answered by then, whether every worker has acted on it or not. */
  haltWaitMs: 5_000,
  /** What a closing server gives requests that are under way. */
  drainMs: 10_000,
  /** Of one session, or of one address where there is no session; the operator and this machine itself have no limit. */
  requestsPerMinute: 12_000,
  /** Connections that one address may have open; behind a trusted proxy that is the proxy's business. */
  connectionsPerAddress: 2_048,
  /** After so many requests a connection is closed, so that none lasts for ever. */
  requestsPerConnection: 10_000,
  /** The address of a request with its query; its headers, this line among them, may have 16 KiB. */
  uriBytes: 8_192,
  /** A connection whose request headers have not come whole by then is ended. */
  headersTimeoutMs: 15_000,
  /** A connection without a request is closed after this time. */
  keepAliveMs: 5_000,
} as const;

/** `SERVER_LIMITS` with values of one's own. */
export type ServerLimits = { readonly [Name in keyof typeof SERVER_LIMITS]: number };

/** How a server is reached, where its files lie, and what it accepts. */
export interface ServerOptions {
  /** Address to bind to; default `127.0.0.1`, this machine alone. */
  readonly host?: string;
  /** Default 7077; 0 for any free one. */
  readonly port?: number;
  /** The operator's token, at least 16 characters; default: made by chance, see `MilepostServer.token`. */
  readonly token?: string;
  /** The folder for uploads, outputs and the secret that signs sessions; an absolute path, made if it is not there. */
  readonly files: string;
  /**
   * `s3://bucket/prefix?endpoint=…&region=…`: what batches of uploads are made of and make lies there too, so that workers which do not
   * see the folder can run them. Credentials come from the environment. Default: nowhere else.
   */
  readonly storage?: string;
  /** Names that the server goes by, besides its own address and `localhost`: `example.org`, `example.org:8080`. */
  readonly allowedHosts?: readonly string[];
  /**
   * True behind one proxy that sets `X-Forwarded-For` and `-Proto`; of a list, the last entry is believed, which is that
   * proxy's own. Default false: they are not believed.
   */
  readonly trustProxy?: boolean;
  readonly limits?: Partial<ServerLimits>;
  /** Whom to tell when a batch ends; default: nobody. */
  readonly webhooks?: WebhookOptions;
  /** The folder of the built dashboard; default: where `npm run build` puts it. */
  readonly dashboard?: string;
  /** Where the log goes, a JSON line for each request and for each trouble; default: nowhere. */
  readonly log?: LogTarget;
}

/** Where lines of a log go, such as `process.stderr`. */
export interface LogTarget {
  write(line: string): unknown;
}

/** Options whose every part was checked, defaults filled in. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly files: string;
  readonly storage: string | null;
  readonly allowedHosts: readonly string[];
  readonly trustProxy: boolean;
  readonly limits: ServerLimits;
  readonly webhooks: WebhookOptions | null;
  readonly dashboard: string;
  readonly log: LogTarget | null;
}

/** From the sources as from what they are compiled to. */
const DASHBOARD = fileURLToPath(new URL("../../dist/web", import.meta.url));
const TOKEN_CHARACTERS_MIN = 16;
/** What servers of a folder tell each other is kept for a day; by then each must have counted anew. */
const SWEEP_EVERY_MS_MAX = 43_200_000;

/** @throws {MilepostError} `INVALID_ARGUMENT`, naming the option, what was expected and what was found. */
export function toServerSettings(options: ServerOptions): ServerSettings {
  const { host = "127.0.0.1", port = 7077, files, allowedHosts = [], trustProxy = false, token } = options;
  requireWhole("port", port, 0, 65_535);
  if (typeof files !== "string" || !isAbsolute(files)) {
    throw new MilepostError("INVALID_ARGUMENT", `files must be the absolute path of a folder; found ${String(files)}`);
  }
  if (token !== undefined && token.length < TOKEN_CHARACTERS_MIN) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `the operator's token must have at least ${TOKEN_CHARACTERS_MIN} characters; found ${token.length}`,
    );
  }
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(SERVER_LIMITS, name)) {
      const known = Object.keys(SERVER_LIMITS).join(", ");
      throw new MilepostError("INVALID_ARGUMENT", `a limit must be one of ${known}; found ${name}`);
    }
    requireWhole(name, value, 1, name === "sweepEveryMs" ? SWEEP_EVERY_MS_MAX : Number.MAX_SAFE_INTEGER);
  }
  const { webhooks = null, storage = null } = options;
  if (storage !== null) toS3Location(storage);
  if (webhooks !== null) toEndpoints(webhooks.urls);
  if (webhooks?.secret !== undefined) toSigningKey(webhooks.secret);
  return {
    host,
    port,
    files,
    storage,
    allowedHosts,
    trustProxy,
    limits: { ...SERVER_LIMITS, ...Object.fromEntries(given) },
    webhooks: webhooks === null || webhooks.urls.length === 0 ? null : webhooks,
    dashboard: options.dashboard ?? DASHBOARD,
    log: options.log ?? null,
  };
}
