import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { Remembered } from "./remembered.ts";

/** Owners of batches that came from sessions begin with this. */
export const SESSION_OWNER = "session:";

const ID_BYTES = 32;
const REMEMBERED_MAX = 10_000;

/** What a cookie says of a session. */
export interface Session {
  /** 256 bits of chance, the same in every cookie of the session. */
  readonly id: string;
  /** What its batches bear; nothing in it leads back to the cookie. */
  readonly owner: string;
  readonly begunAt: number;
  /** When this cookie was issued. */
  readonly issuedAt: number;
  /** Whether it was issued to somebody who had shown the operator's token. */
  readonly isOperators: boolean;
}

/**
 * Writes sessions as texts and reads them: what is said of the session, and its signature. The signature is the secret. It differs in each
 * text, and nobody can make one without the key.
 */
export class SessionCookie {
  readonly #key: Buffer;
  /** Checking a signature costs more than all the rest of an answer that is there already. */
  readonly #read = new Remembered<Session>(REMEMBERED_MAX);

  constructor(key: Buffer) {
    this.#key = key;
  }

  static begin(now: number): Session {
    const id = randomBytes(ID_BYTES).toString("base64url");
    return { id, owner: ownerOf(id), begunAt: now, issuedAt: now, isOperators: false };
  }

  write({ id, begunAt, issuedAt, isOperators }: Omit<Session, "owner">): string {
    const text = `${id}.${begunAt.toString(36)}.${issuedAt.toString(36)}.${isOperators ? 1 : 0}`;
    return `${text}.${this.#signatureOf(text)}`;
  }

  /** Null for a text that this key did not sign. */
  read(cookie: string): Session | null {
    return this.#read.of(cookie, () => {
      const [, text = "", signature = ""] = /^([\w-]+\.\w+\.\w+\.[01])\.([\w-]+)$/.exec(cookie) ?? [];
      if (!timingSafeEqual(hashOf(signature), hashOf(this.#signatureOf(text)))) return null;
      const [id = "", begun = "", issued = "", isOperators] = text.split(".");
      const at = { begunAt: Number.parseInt(begun, 36), issuedAt: Number.parseInt(issued, 36) };
      return { id, owner: ownerOf(id), ...at, isOperators: isOperators === "1" };
    });
  }

  #signatureOf(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}

function ownerOf(id: string): string {
  return `${SESSION_OWNER}${hashOf(id).toString("hex")}`;
}

/** Texts of any length as so many bytes: what is compared in constant time, and what names others without telling. */
export function hashOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
