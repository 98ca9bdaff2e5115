import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import { watchBody } from "./body-clock.ts";
import { countOn } from "./connection-count.ts";
import type { App, ServerContext } from "./context.ts";
import { Hosts } from "./hosts.ts";
import { refusal } from "./problems.ts";

/** A year: what browsers keep of "only by TLS". */
const HSTS = "max-age=31536000; includeSubDomains";
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * What keeps browsers from doing more with an answer than show it: helmet's set without what only old browsers read. Constant
 * and set at once, because @fastify/helmet works its headers out anew for every request, at a tenth of what one costs.
 */
const SECURITY_HEADERS = new Map([
  [
    "content-security-policy",
    "default-src 'self';script-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self'",
  ],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  // Private until a route says otherwise.
  ["cache-control", "no-store"],
]);

/**
 * What every request goes through before any route: is it for this server, may the page that made it do so, is it not one
 * of too many. Nothing here knows what a route does; who may see what is for callers.ts.
 */
export function addGuard(app: App, { settings, callers, rate }: ServerContext): void {
  const { limits } = settings;
  const hosts = new Hosts(settings.allowedHosts);
  app.addHook("onRequest", (request, reply, next) => {
    const { raw } = request;
    confine(reply);
    watchBody(raw, limits.bodyTimeoutMs);
    requireFraming(raw, reply.raw);
    requireOwnHost(hosts, raw);
    if (raw.url !== undefined && raw.url.length > limits.uriBytes) {
      throw refusal("uri", `the address may have ${limits.uriBytes} bytes; found ${raw.url.length}`);
    }
    if (!SAFE_METHODS.has(request.method)) requireSameSite(hosts, raw);
    if (request.protocol === "https") reply.raw.setHeader("strict-transport-security", HSTS);
    if (countOn(raw.socket) >= limits.requestsPerConnection) reply.raw.setHeader("connection", "close");
    const count = (): void => {
      const counted = callers.countedAs(request);
      if (counted !== null) rate.count(counted, Date.now());
      next();
    };
    const renewed = callers.renew(request, reply);
    if (renewed === null) count();
    else renewed.then(count).catch(next);
  });
}

/** Gives an answer the headers that keep browsers from doing more with it than show it. */
export function confine(reply: FastifyReply): void {
  reply.raw.setHeaders(SECURITY_HEADERS);
}

/** Node's parser refuses it too, but only once its request has been answered. */
function requireFraming({ headers }: IncomingMessage, response: ServerResponse): void {
  const encoding = headers["transfer-encoding"];
  if (encoding === undefined || encoding.toLowerCase() === "chunked") return;
  // Who wrote it may take its end to be elsewhere.
  response.setHeader("connection", "close");
  throw refusal("malformed", "a body may be sent in chunks or with its length, and in no other Transfer-Encoding");
}

function requireOwnHost(hosts: Hosts, { rawHeaders, headers, socket }: IncomingMessage): void {
  let given = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === "host") given += 1;
  }
  if (given !== 1 || headers.host === undefined) {
    throw refusal("malformed", `a request must have one Host header; found ${given}`);
  }
  if (hosts.isOwn(headers.host, socket)) return;
  throw refusal(
    "host",
    "the Host header names another server; --allow-host (allowedHosts) tells the names of this one",
  );
}

/** Browsers say where a request comes from; programs say nothing, and have no cookies that a page could make use of. */
function requireSameSite(hosts: Hosts, { headers }: IncomingMessage): void {
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  const isSame =
    site === undefined
      ? origin === undefined || hosts.isSameSite(origin, headers.host ?? "")
      : site === "same-origin" || site === "none";
  if (!isSame) throw refusal("cross-site", "pages of other sites may not change anything here");
}
