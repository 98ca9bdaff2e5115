import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyRequest } from "fastify";
import { MilepostError } from "../core/errors.ts";
import { refusal } from "./problems.ts";

const HEADER = "idempotency-key";
/** Visible ASCII, with blanks inside. */
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/** What a request that makes a batch is answered with. */
export interface Made {
  readonly batchId: string;
  /** As the engine said: it was made by an earlier request under the same key. */
  readonly isRepeat: boolean;
  readonly body: object;
}

/**
 * Lets requests that make batches bear an `Idempotency-Key`: the same request again, after whatever crash or lost answer, makes no
 * second batch and is answered with the same bytes. The engine remembers key and fingerprint as long as the batch is there; the
 * answer is kept in the batch's folder and goes with it.
 */
export class Idempotency {
  readonly #folder: string;
  /** Owners and keys of requests that are being carried out by this process, bodies still on their way included. */
  readonly #underWay = new Set<string>();

  /** @param files the server's folder */
  constructor(files: string) {
    this.#folder = join(files, "batches");
  }

  /**
   * Carries a request out, once for its key, and returns the text of its answer.
   *
   * @param make submits to the engine: with `request: { key, fingerprint: fingerprintOf(…) }` unless the key is null
   * @throws {Refusal} `malformed` for a key that cannot be one, `conflict` while the first such request is under way,
   * `validation` for a key that belongs to another request
   */
  async once(
    request: FastifyRequest,
    owner: string,
    make: (key: string | null) => Promise<Made>,
  ): Promise<{ readonly batchId: string; readonly text: string }> {
    const key = keyOf(request);
    if (key === null) return toAnswer(await make(null));
    const name = `${owner}\n${key}`;
    if (this.#underWay.has(name)) throw inFlight();
    this.#underWay.add(name);
    try {
      const made = await make(key);
      return await this.#kept(made, key, request);
    } catch (error) {
      throw toRefusal(error);
    } finally {
      this.#underWay.delete(name);
    }
  }

  /** The answer of the first time; where that was lost with its process, nobody has seen it, and this one is kept. */
  async #kept(
    made: Made,
    key: string,
    request: FastifyRequest,
  ): Promise<{ readonly batchId: string; readonly text: string }> {
    const folder = join(this.#folder, made.batchId, "answers");
    const path = join(folder, `${hashOf(key)}.json`);
    if (made.isRepeat) {
      const text = await readFile(path, "utf8").catch(() => null);
      if (text !== null) return { batchId: made.batchId, text };
    }
    const answer = toAnswer(made);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(`${path}.part`, answer.text, { mode: 0o600, flush: true });
      await rename(`${path}.part`, path);
    } catch (error) {
      // The batch is there and its key remembered; only the list of verdicts may be missing from a repeated answer.
      request.log.warn({ err: error }, "an answer could not be kept");
    }
    return answer;
  }
}

/** The same for the same values, whatever the order of their keys; other for others. */
export function fingerprintOf(value: unknown): string {
  return hashOf(JSON.stringify(value, inOrder));
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function toAnswer({ batchId, body }: Made): { readonly batchId: string; readonly text: string } {
  return { batchId, text: JSON.stringify(body) };
}

function keyOf(request: FastifyRequest): string | null {
  const given = request.raw.headersDistinct[HEADER];
  if (given === undefined) return null;
  const [key] = given;
  if (given.length === 1 && key !== undefined && KEY.test(key)) return key;
  throw refusal(
    "malformed",
    "an Idempotency-Key must be one text of 1 to 255 visible ASCII characters, such as a UUID",
  );
}

function toRefusal(error: unknown): unknown {
  const reason = error instanceof MilepostError && error.code === "CONFLICT" ? error.details.reason : undefined;
  if (reason === "in-flight") return inFlight();
  if (reason !== "other-request") return error;
  return refusal("validation", "this Idempotency-Key belongs to another request; give this one a key of its own");
}

function inFlight(): Error {
  return refusal(
    "conflict",
    "the first request with this Idempotency-Key is being carried out; ask again when it is done",
  );
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
