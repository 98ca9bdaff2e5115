import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { BatchSnapshot } from "../core/batch.ts";
import { addressOf, isLoopback } from "./address.ts";
import type { App } from "./context.ts";
import { refusal } from "./problems.ts";
import { RateLimit } from "./rate-limit.ts";
import { Remembered } from "./remembered.ts";
import type { ServerLimits } from "./settings.ts";

/** Who makes a request. */
export type Caller =
  | { readonly kind: "operator" }
  /** `owner` is what its batches bear; nothing in it leads back to the cookie. */
  | { readonly kind: "session"; readonly owner: string }
  | { readonly kind: "nobody" };

/** Owners of batches that came from sessions begin with this. */
export const SESSION_OWNER = "session:";

const COOKIE = "milepost_session";
/** Browsers take a cookie of this name only over TLS, for the whole site and from it alone. */
const SECURE_COOKIE = `__Host-${COOKIE}`;
const ID_BYTES = 32;
/** A cookie is renewed once this part of its idle time has passed, not with every request. */
const RENEWED_AFTER = 0.1;
const COOKIE_PARTS = 4;
const HOUR_MS = 3_600_000;

interface Session {
  /** 256 bits of chance. */
  readonly id: string;
  readonly owner: string;
  readonly begunAt: number;
  /** When it was last seen, as of its cookie. */
  readonly seenAt: number;
}
const REMEMBERED_MAX = 10_000;

/**
 * Tells callers apart: the operator by a token, anonymous people by a signed cookie. A session is 256 bits of chance, the time
 * it began and the time it was last seen, signed; nothing is kept of it here, and batches bear only its hash.
 */
export class Callers {
  readonly #secret: Buffer;
  readonly #tokenHash: Buffer;
  readonly #limits: ServerLimits;
  readonly #now: () => number;
  readonly #begun: RateLimit;
  readonly #known = new WeakMap<FastifyRequest, Caller>();
  /** Checking a signature costs more than all the rest of an answer that is there already. */
  readonly #sessions = new Remembered<Session>(REMEMBERED_MAX);

  constructor(parts: {
    readonly secret: Buffer;
    readonly token: string;
    readonly limits: ServerLimits;
    readonly now: () => number;
  }) {
    this.#secret = parts.secret;
    this.#tokenHash = hashOf(parts.token);
    this.#limits = parts.limits;
    this.#now = parts.now;
    const { sessionsPerHour } = parts.limits;
    const detail = `your address may begin ${sessionsPerHour} sessions an hour; keep the cookie of one`;
    this.#begun = new RateLimit({ most: sessionsPerHour, spanMs: HOUR_MS, detail });
  }

  /** Who calls; a cookie that is forged, too old or no cookie of ours is nobody's. */
  of(request: FastifyRequest): Caller {
    const known = this.#known.get(request);
    if (known !== undefined) return known;
    const caller = this.#read(request);
    this.#known.set(request, caller);
    return caller;
  }

  #read(request: FastifyRequest): Caller {
    if (request.headers.authorization !== undefined) {
      if (this.isOperator(request)) return { kind: "operator" };
      throw refusal("session", "the token is not the operator's; it is printed when the server starts");
    }
    const session = this.#sessionOf(request);
    return session === null ? { kind: "nobody" } : { kind: "session", owner: session.owner };
  }

  /** True for a request with the operator's token; never refuses. */
  isOperator(request: FastifyRequest): boolean {
    if (this.#known.get(request)?.kind === "operator") return true;
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const isOperator = token !== undefined && timingSafeEqual(hashOf(token), this.#tokenHash);
    if (isOperator) this.#known.set(request, { kind: "operator" });
    return isOperator;
  }

  /**
   * Whose requests are counted together: a session's, else those of an address. Null for those that are not counted: the
   * operator's, and those of this machine itself, where whoever is on it can do worse than ask often.
   */
  countedAs(request: FastifyRequest): string | null {
    if (isLoopback(request.ip) || this.isOperator(request)) return null;
    const session = this.#sessionOf(request);
    return session === null ? addressOf(request.ip) : session.owner;
  }

  /** The caller's own name as an owner; null for nobody. */
  ownerOf(request: FastifyRequest): string | null {
    const caller = this.of(request);
    if (caller.kind === "nobody") return null;
    return caller.kind === "operator" ? "" : caller.owner;
  }

  /** The operator, or refused. */
  requireOperator(request: FastifyRequest): void {
    if (this.of(request).kind === "operator") return;
    throw refusal("session", "this needs the operator's token: Authorization: Bearer <token>");
  }

  /** Makes the routes that are added to `app` after it the operator's alone: others are refused before a body is read. */
  keepForOperator(app: App): void {
    app.addHook("onRequest", async (request) => this.requireOperator(request));
    app.addHook("onRoute", (route) => {
      route.schema = { ...route.schema, security: [{ operator: [] }] };
    });
  }

  /** True if the caller may know of what belongs to `owner`. */
  mayAccess(request: FastifyRequest, { owner }: Pick<BatchSnapshot, "owner">): boolean {
    const caller = this.of(request);
    return caller.kind === "operator" || (caller.kind === "session" && caller.owner === owner);
  }

  /**
   * The caller's own name as an owner; begins a session for nobody. Only for requests that change something. Refused where
   * the address began too many.
   */
  ensureOwner(request: FastifyRequest, reply: FastifyReply): string {
    const caller = this.of(request);
    if (caller.kind === "operator") return "";
    if (caller.kind === "session") return caller.owner;
    const now = this.#now();
    this.#begun.count(addressOf(request.ip), now);
    const id = randomBytes(ID_BYTES).toString("base64url");
    const owner = ownerOf(id);
    this.#setCookie(request, reply, { id, owner, begunAt: now, seenAt: now });
    this.#known.set(request, { kind: "session", owner });
    return owner;
  }

  /** Lets a session that is in use last longer. For every request, before it is answered. */
  renew(request: FastifyRequest, reply: FastifyReply): void {
    const session = this.#sessionOf(request);
    const now = this.#now();
    if (session === null || now - session.seenAt < this.#limits.sessionIdleMs * RENEWED_AFTER) return;
    this.#setCookie(request, reply, { ...session, seenAt: now });
  }

  #setCookie(request: FastifyRequest, reply: FastifyReply, { id, begunAt, seenAt }: Session): void {
    const { sessionIdleMs, sessionMaxMs } = this.#limits;
    const text = `${id}.${begunAt.toString(36)}.${seenAt.toString(36)}`;
    const isSecure = request.protocol === "https";
    reply.setCookie(isSecure ? SECURE_COOKIE : COOKIE, `${text}.${this.#signatureOf(text)}`, {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure: isSecure,
      maxAge: Math.floor(Math.min(sessionIdleMs, begunAt + sessionMaxMs - seenAt) / 1_000),
    });
  }

  #sessionOf(request: FastifyRequest): Session | null {
    const cookie = request.cookies[request.protocol === "https" ? SECURE_COOKIE : COOKIE];
    const session = cookie === undefined ? null : this.#sessions.of(cookie, () => this.#sessionIn(cookie));
    if (session === null) return null;
    const now = this.#now();
    const { sessionIdleMs, sessionMaxMs } = this.#limits;
    return now - session.begunAt <= sessionMaxMs && now - session.seenAt <= sessionIdleMs ? session : null;
  }

  #sessionIn(cookie: string): Session | null {
    const parts = cookie.split(".");
    const [id, begun, seen, signature] = parts;
    if (parts.length !== COOKIE_PARTS || id === undefined || begun === undefined) return null;
    if (seen === undefined || signature === undefined) return null;
    const expected = this.#signatureOf(`${id}.${begun}.${seen}`);
    if (!timingSafeEqual(hashOf(signature), hashOf(expected))) return null;
    return { id, owner: ownerOf(id), begunAt: Number.parseInt(begun, 36), seenAt: Number.parseInt(seen, 36) };
  }

  #signatureOf(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("base64url");
  }
}

function ownerOf(id: string): string {
  return `${SESSION_OWNER}${hashOf(id).toString("hex")}`;
}

function hashOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
