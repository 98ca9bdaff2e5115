import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";

export const BUCKET = "files";

/** Whose requests the server answers. */
export interface Credentials {
  readonly key: string;
  readonly secret: string;
  /** Null: none is asked for. */
  readonly token: string | null;
  readonly region: string;
}

interface Answer {
  readonly status: number;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A small S3 with one bucket, in memory, that checks by itself what is signed: the client's library had no part in it. It knows
 * what is put, read and sent in parts, by the bucket's path or host name.
 *
 * Source: Signature Version 4 as documented by AWS, "Signature Calculations for the Authorization Header".
 */
export class SignedS3 {
  readonly files = new Map<string, Buffer>();
  /** Begun and neither completed nor given up: parts by their numbers. */
  readonly uploads = new Map<string, Map<number, Buffer>>();
  /** The host and path of each request that was signed well. */
  readonly asked: string[] = [];
  /** From this part on, connections break in the middle of it. */
  breaksFrom = Number.POSITIVE_INFINITY;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #credentials: Credentials;
  #begun = 0;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Returns its port. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP port was expected");
    return address.port;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    if (Number(url.searchParams.get("partNumber")) >= this.breaksFrom) {
      request.once("data", () => request.destroy());
      request.on("error", () => {});
      return;
    }
    const body = await buffer(request);
    const refused = whyRefused(request, { url, body, credentials: this.#credentials });
    const answer = refused ?? this.#carryOut(request, url, body);
    response.writeHead(answer.status, answer.headers);
    response.end(request.method === "HEAD" ? undefined : answer.body);
  }

  #carryOut({ method }: IncomingMessage, url: URL, body: Buffer): Answer {
    this.asked.push(`${url.hostname}${url.pathname}`);
    const isByHost = url.hostname.startsWith(`${BUCKET}.`);
    const [bucket, ...path] = url.pathname.slice(1).split("/");
    if (!isByHost && bucket !== BUCKET) return failure(404, "NoSuchBucket");
    const key = decodeURIComponent(isByHost ? url.pathname.slice(1) : path.join("/"));
    const upload = url.searchParams.get("uploadId");
    if (upload !== null) return this.#carryOutPart(`${method}`, { key, upload, part: url, body });
    if (method === "POST") {
      this.#begun += 1;
      this.uploads.set(`${this.#begun}`, new Map());
      return { status: 200, body: `<R><UploadId>${this.#begun}</UploadId></R>` };
    }
    if (method === "PUT") {
      this.files.set(key, body);
      return { status: 200, headers: { etag: etagOf(body) } };
    }
    const found = this.files.get(key);
    if (found === undefined) return failure(404, "NoSuchKey");
    const headers = { etag: etagOf(found), "content-length": `${found.length}` };
    return { status: 200, headers, body: found };
  }

  #carryOutPart(
    method: string,
    { key, upload, part, body }: { key: string; upload: string; part: URL; body: Buffer },
  ): Answer {
    const parts = this.uploads.get(upload);
    if (parts === undefined) return failure(404, "NoSuchUpload");
    if (method === "PUT") {
      parts.set(Number(part.searchParams.get("partNumber")), body);
      return { status: 200, headers: { etag: etagOf(body) } };
    }
    this.uploads.delete(upload);
    if (method === "DELETE") return { status: 204 };
    this.files.set(key, Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)));
    return { status: 200, body: "<R></R>" };
  }
}

/** Null where it was signed well. */
function whyRefused(
  request: IncomingMessage,
  { url, body, credentials }: { readonly url: URL; readonly body: Buffer; readonly credentials: Credentials },
): Answer | null {
  const { headers } = request;
  const [, key, date, region, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (date === undefined || region === undefined || names === undefined) return failure(403, "AccessDenied");
  if (key !== credentials.key) return failure(403, "InvalidAccessKeyId");
  if (region !== credentials.region) return failure(400, "AuthorizationHeaderMalformed");
  if (credentials.token !== null && headers["x-amz-security-token"] !== credentials.token) {
    return failure(400, "InvalidToken");
  }
  const signed = names.split(";");
  const all = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))];
  if (all.some((name) => !signed.includes(name))) return failure(403, "AccessDenied");
  const digest = `${headers["x-amz-content-sha256"]}`;
  if (digest !== "UNSIGNED-PAYLOAD" && digest !== sha256(body)) return failure(400, "XAmzContentSHA256Mismatch");
  const canonical = [
    request.method,
    url.pathname,
    [...url.searchParams]
      .map((pair) => pair.map(encode).join("="))
      .sort()
      .join("&"),
    ...signed.map((name) => `${name}:${`${headers[name]}`.trim().replace(/\s+/g, " ")}`),
    "",
    names,
    digest,
  ].join("\n");
  const scope = [date, region, "s3", "aws4_request"];
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope.join("/"), sha256(canonical)].join("\n");
  const secret = scope.reduce<string | Buffer>((under, part) => hmac(under, part), `AWS4${credentials.secret}`);
  return hmac(secret, text).toString("hex") === signature ? null : failure(403, "SignatureDoesNotMatch");
}

function failure(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>refused:\n${code}</Message></Error>` };
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function etagOf(body: Buffer): string {
  return `"${sha256(body).slice(0, 32)}"`;
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
