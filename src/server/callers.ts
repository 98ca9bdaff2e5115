import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { BatchSnapshot } from "../core/batch.ts";
import { refusal } from "./problems.ts";
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
const ID_BYTES = 32;
const REMEMBERED_MAX = 10_000;

/**
 * Tells callers apart: the operator by a token, anonymous people by a signed cookie. A session is 256 bits of chance and the
 * time it began, signed; nothing is kept of it here, and batches bear only its hash.
 */
export class Callers {
  readonly #secret: Buffer;
  readonly #tokenHash: Buffer;
  readonly #limits: ServerLimits;
  readonly #now: () => number;
  /** Checking a signature costs more than all the rest of an answer that is there already. */
  readonly #sessions = new Remembered<{ readonly owner: string; readonly begunAt: number }>(REMEMBERED_MAX);

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
  }

  /** Who calls; a cookie that is forged, too old or no cookie of ours is nobody's. */
  of(request: FastifyRequest): Caller {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? "";
      if (timingSafeEqual(hashOf(token), this.#tokenHash)) return { kind: "operator" };
      throw refusal("session", "the token is not the operator's; it is printed when the server starts");
    }
    const owner = this.#ownerIn(request.cookies[COOKIE]);
    return owner === null ? { kind: "nobody" } : { kind: "session", owner };
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

  /** True if the caller may know of what belongs to `owner`. */
  mayAccess(request: FastifyRequest, { owner }: Pick<BatchSnapshot, "owner">): boolean {
    const caller = this.of(request);
    return caller.kind === "operator" || (caller.kind === "session" && caller.owner === owner);
  }

  /** The caller's own name as an owner; begins a session for nobody. Only for requests that change something. */
  ensureOwner(request: FastifyRequest, reply: FastifyReply): string {
    const caller = this.of(request);
    if (caller.kind === "operator") return "";
    if (caller.kind === "session") return caller.owner;
    const id = randomBytes(ID_BYTES).toString("base64url");
    const begun = `${id}.${this.#now().toString(36)}`;
    reply.setCookie(COOKIE, `${begun}.${this.#signatureOf(begun)}`, {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure: request.protocol === "https",
      maxAge: Math.floor(this.#limits.sessionMaxMs / 1_000),
    });
    return ownerOf(id);
  }

  #ownerIn(cookie: string | undefined): string | null {
    if (cookie === undefined) return null;
    const session = this.#sessions.of(cookie, () => this.#sessionIn(cookie));
    return session !== null && this.#now() - session.begunAt <= this.#limits.sessionMaxMs ? session.owner : null;
  }

  #sessionIn(cookie: string) {
    const parts = cookie.split(".");
    const [id, begun, signature] = parts;
    if (parts.length !== 3 || id === undefined || begun === undefined || signature === undefined) return null;
    const expected = this.#signatureOf(`${id}.${begun}`);
    if (!timingSafeEqual(hashOf(signature), hashOf(expected))) return null;
    return { owner: ownerOf(id), begunAt: Number.parseInt(begun, 36) };
  }

  #signatureOf(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("base64url");
  }
}

function ownerOf(id: string): string {
  return `${SESSION_OWNER}${hashOf(id).toString("hex")}`;
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
