import { createHash } from "node:crypto";
import { MilepostError } from "../../core/errors.ts";

const URLS_MAX = 20;
const URL_CHARACTERS_MAX = 2_048;
const SECRET_PREFIX = "whsec_";
/** Bounds of Standard Webhooks for the key of a signature. */
const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;
const HASH_DIGITS = 12;

/** Whom to tell of ended batches, and how that is signed. */
export interface WebhookOptions {
  /** Told of every batch that ends; `http:` or `https:`. All servers of a store must be given the same ones. */
  readonly urls: readonly string[];
  /** `whsec_` and 24 to 64 bytes in base64; default: made by chance and kept in the folder of files as `webhook-secret`. */
  readonly secret?: string;
  /** Wait after the first failed try, in milliseconds; doubled for each further one, up to an hour. Default 5,000. */
  readonly firstDelayMs?: number;
}

/** Where deliveries go. */
export interface Endpoint {
  /** What stands for the URL wherever deliveries are shown: the path of a URL is often a secret. */
  readonly key: string;
  readonly url: string;
  readonly host: string;
}

/** @throws {MilepostError} `INVALID_ARGUMENT` for what is no URL to deliver to */
export function toEndpoints(urls: readonly string[]): readonly Endpoint[] {
  if (urls.length > URLS_MAX) throw invalid(`at most ${URLS_MAX} webhook URLs are possible; found ${urls.length}`);
  const endpoints = new Map<string, Endpoint>();
  for (const given of urls) {
    const url = URL.parse(given);
    const isOk = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
    if (!isOk || given.length > URL_CHARACTERS_MAX) {
      throw invalid(
        `a webhook URL must begin with http: or https:, have no user or password in it and at most ${URL_CHARACTERS_MAX} characters; found ${given.slice(0, 60)}`,
      );
    }
    const hash = createHash("sha256").update(url.href).digest("hex").slice(0, HASH_DIGITS);
    const key = `${url.host}#${hash}`;
    endpoints.set(key, { key, url: url.href, host: url.host });
  }
  return [...endpoints.values()];
}

/** The key that a secret stands for. @throws {MilepostError} `INVALID_ARGUMENT` */
export function toSigningKey(secret: string): Buffer {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : "";
  const key = Buffer.from(text, "base64");
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (isBase64 && key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX) return key;
  throw invalid(
    `a webhook secret must be ${SECRET_PREFIX} and ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes in base64; found a text of ${secret.length} characters`,
  );
}

/** A secret from random bytes. */
export function toWebhookSecret(bytes: Buffer): string {
  return `${SECRET_PREFIX}${bytes.toString("base64")}`;
}

function invalid(message: string): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", message);
}
