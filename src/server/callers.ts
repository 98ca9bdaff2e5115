import { timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { BatchOptions } from "../engine/options.ts";
import { addressOf, isLoopback } from "./address.ts";
import type { App } from "./context.ts";
import { refusal } from "./problems.ts";
import { RateLimit } from "./rate-limit.ts";
import { ReplacedCookies } from "./replaced-cookies.ts";
import { hashOf, type Session, SessionCookie } from "./session-cookie.ts";
import type { ServerLimits } from "./settings.ts";

/** Who makes a request. */
export type Caller =
  | { readonly kind: "operator" }
  /** `owner` is what its batches bear; nothing in it leads back to the cookie. */
  | { readonly kind: "session"; readonly owner: string }
  | { readonly kind: "nobody" };

const COOKIE = "milepost_session";
/** Browsers take a cookie of this name only over TLS, for the whole site and from it alone. */
const SECURE_COOKIE = `__Host-${COOKIE}`;
/** A cookie is renewed once this part of its idle time has passed, not with every request. */
const RENEWED_AFTER = 0.1;
const HOUR_MS = 3_600_000;

/**
 * Tells callers apart: the operator by a token, anonymous people by a signed cookie. Who uses a session gets a new cookie now and then, with
 * the same owner and another secret; what it replaces is refused soon after. No secret is kept here, and batches bear only a hash.
 */
export class Callers {
  readonly #cookie: SessionCookie;
  readonly #replaced: ReplacedCookies;
  readonly #tokenHash: Buffer;
  readonly #limits: ServerLimits;
  readonly #now: () => number;
  readonly #begun: RateLimit;
  readonly #known = new WeakMap<FastifyRequest, Caller>();

  constructor(parts: {
    readonly secret: Buffer;
    /** The server's folder, where it keeps which cookies were replaced. */
    readonly files: string;
    readonly token: string;
    readonly limits: ServerLimits;
    readonly now: () => number;
  }) {
    this.#cookie = new SessionCookie(parts.secret);
    this.#replaced = new ReplacedCookies({ folder: join(parts.files, "sessions"), now: parts.now });
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

  /**
   * Whose batches the store is asked for: a session's own, for the operator anybody's; null: nobody's, so that it is not asked at all.
   * Decided here alone, and before anything is read: what was not asked for cannot be shown.
   */
  reachOf(request: FastifyRequest): BatchOptions | null {
    const caller = this.of(request);
    if (caller.kind === "nobody") return null;
    return caller.kind === "operator" ? {} : { owner: caller.owner };
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
    const session = SessionCookie.begin(now);
    this.#setCookie(request, reply, session);
    this.#known.set(request, { kind: "session", owner: session.owner });
    return session.owner;
  }

  /**
   * Lets a session that is in use last longer, by a new cookie; another one for whoever shows the operator's token for the first
   * time. For every request, before it is answered; null where nothing is to be waited for.
   */
  renew(request: FastifyRequest, reply: FastifyReply): Promise<void> | null {
    const session = this.#signedSessionOf(request);
    if (session === null) return null;
    const looked = this.#replaced.look(session);
    if (looked === null) {
      this.#renew(session, request, reply);
      return null;
    }
    return looked
      .catch((error: unknown) => request.log.warn({ err: error }, "which cookies were replaced is not known"))
      .then(() => this.#renew(session, request, reply));
  }

  /** Forgets what was kept of sessions that have ended. */
  sweep(): Promise<void> {
    return this.#replaced.sweep(this.#limits.sessionIdleMs);
  }

  #renew(session: Session, request: FastifyRequest, reply: FastifyReply): void {
    const now = this.#now();
    const isDue = now - session.issuedAt >= this.#limits.sessionIdleMs * RENEWED_AFTER;
    const signsIn = !session.isOperators && this.isOperator(request);
    if (!(isDue || signsIn) || !this.#replaced.counts(session)) return;
    this.#setCookie(request, reply, { ...session, issuedAt: now, isOperators: session.isOperators || signsIn });
  }

  #setCookie(request: FastifyRequest, reply: FastifyReply, session: Session): void {
    const { sessionIdleMs, sessionMaxMs } = this.#limits;
    const isSecure = request.protocol === "https";
    reply.setCookie(isSecure ? SECURE_COOKIE : COOKIE, this.#cookie.write(session), {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure: isSecure,
      maxAge: Math.floor(Math.min(sessionIdleMs, session.begunAt + sessionMaxMs - session.issuedAt) / 1_000),
    });
  }

  #sessionOf(request: FastifyRequest): Session | null {
    const session = this.#signedSessionOf(request);
    return session !== null && this.#replaced.counts(session) ? session : null;
  }

  /** Signed here and neither idle nor in use for too long. */
  #signedSessionOf(request: FastifyRequest): Session | null {
    const text = request.cookies[request.protocol === "https" ? SECURE_COOKIE : COOKIE];
    const session = text === undefined ? null : this.#cookie.read(text);
    if (session === null) return null;
    const now = this.#now();
    const { sessionIdleMs, sessionMaxMs } = this.#limits;
    return now - session.begunAt <= sessionMaxMs && now - session.issuedAt <= sessionIdleMs ? session : null;
  }
}
