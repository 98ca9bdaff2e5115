import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { UploadFacet } from "../pipelines/uploads.ts";
import { addressOf, isLoopback } from "./address.ts";
import { piecesOf } from "./body.ts";
import type { Callers } from "./callers.ts";
import type { App } from "./context.ts";
import { DailyBytes } from "./files/daily-bytes.ts";
import { discardRest } from "./files/discard-rest.ts";
import { boundaryIn, readParts } from "./files/multipart.ts";
import type { ServerFiles } from "./files/server-files.ts";
import { Slots } from "./files/slots.ts";
import type { StoredUpload } from "./files/uploads.ts";
import { refusal } from "./problems.ts";
import type { ServerLimits } from "./settings.ts";

/** What a session sends in is counted in pieces of this size, and what is left at the end, before anything is acknowledged. */
const COUNTED_BYTES = 8_388_608;

/** Takes in files that are sent as forms, by whatever address they come: what bounds them counts for all of these together. */
export class Reception {
  readonly #callers: Callers;
  readonly #files: ServerFiles;
  readonly #limits: ServerLimits;
  readonly #slots: Slots;
  readonly #daily: DailyBytes;

  constructor(parts: {
    readonly callers: Callers;
    readonly files: ServerFiles;
    readonly limits: ServerLimits;
    /** The server's folder, where it keeps how much has come. */
    readonly folder: string;
  }) {
    this.#callers = parts.callers;
    this.#files = parts.files;
    this.#limits = parts.limits;
    const { uploadsAtOnce, uploadsPerAddress, sessionBytesPerDay: most } = parts.limits;
    this.#slots = new Slots({ count: uploadsAtOnce, perSender: uploadsPerAddress });
    this.#daily = new DailyBytes({ folder: join(parts.folder, "daily"), most, now: () => Date.now() });
  }

  /** The form is read by the routes of a plugin themselves, as it comes: called in a plugin that has no other kind of route. */
  static readsForms(app: App): void {
    app.addContentTypeParser("multipart/form-data", (_request, _payload, done) => done(null));
  }

  /**
   * Takes the files of a request: all of them or none. Begins a session for whoever has none.
   * @param facet takes only what this one accepts; left out: what any does
   * @throws {Refusal} what is wrong; most of what the client still sends is read, so that it reads its answer
   */
  async receive(
    request: FastifyRequest,
    reply: FastifyReply,
    facet?: Pick<UploadFacet, "accepts">,
  ): Promise<{ readonly owner: string; readonly uploads: readonly StoredUpload[] }> {
    const boundary = boundaryOf(request);
    try {
      requireLength(request, this.#limits);
      const owner = this.#callers.ensureOwner(request, reply);
      await this.#files.requireAllowance(owner, lengthOf(request));
      const count = async (bytes: number): Promise<void> => {
        if (owner !== "" && bytes > 0) await this.#daily.count(owner, bytes);
      };
      const isCounted = owner !== "" && !isLoopback(request.ip);
      const uploads = await this.#slots.run(request.raw, isCounted ? addressOf(request.ip) : null, () =>
        this.#files.uploads.receive(readParts(limited(request, this.#limits, count), boundary), owner, facet),
      );
      return { owner, uploads };
    } catch (error) {
      discardRest(request.raw);
      throw error;
    }
  }

  /** Forgets what was counted on days that have ended. */
  sweep(): Promise<void> {
    return this.#daily.sweep();
  }
}

function boundaryOf(request: FastifyRequest): string {
  const encoding = request.headers["content-encoding"] ?? "identity";
  const boundary = boundaryIn(request.headers["content-type"]);
  if (boundary !== null && encoding.toLowerCase() === "identity") return boundary;
  throw refusal("media-type", "files are sent as multipart/form-data, without a Content-Encoding");
}

function lengthOf(request: FastifyRequest): number {
  return Number(request.headers["content-length"] ?? 0);
}

function requireLength(request: FastifyRequest, { requestBytes }: ServerLimits): void {
  if (lengthOf(request) > requestBytes) throw tooLarge(requestBytes);
}

/** The body as it comes, up to the limit. */
async function* limited(
  request: FastifyRequest,
  { requestBytes }: ServerLimits,
  count: (bytes: number) => Promise<void>,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let counted = 0;
  try {
    for await (const chunk of piecesOf(request.raw)) {
      bytes += chunk.length;
      if (bytes > requestBytes) throw tooLarge(requestBytes);
      if (bytes - counted >= COUNTED_BYTES) {
        const piece = bytes - counted;
        counted = bytes;
        await count(piece);
      }
      yield chunk;
    }
  } finally {
    // Also of a body that was cut off, or is refused.
    await count(bytes - counted);
  }
}

function tooLarge(bytesMax: number): Error {
  return refusal("too-large", `one request may bring at most ${bytesMax} bytes`);
}
