import { drawApart, type FrameAnswer, type FrameQuestion } from "../pipelines/karaoke/frame-process.ts";
import { Refusal } from "./problems.ts";
import type { ServerLimits } from "./settings.ts";

/** Of all callers together; what is more would only wait in vain. */
const WAITING_MAX = 32;
/** What is kept of pictures that were drawn; a project of the operator's may change meanwhile, so not for long. */
const KEPT_BYTES_MAX = 16_777_216;
const KEPT_MAX = 256;
const KEPT_MS = 60_000;
const RETRY_AFTER_S = 2;

export interface PreviewRequest {
  /** Who asks; empty: the operator. */
  readonly owner: string;
  /** Of the same picture it is the same. */
  readonly key: string;
  readonly question: FrameQuestion;
  /** False once nobody waits for it any more. */
  readonly isWanted: () => boolean;
}

interface Kept {
  readonly answer: FrameAnswer;
  readonly bytes: number;
  readonly until: number;
}

/**
 * Pictures of frames of exports, drawn in processes of their own, one at a time, so that neither the server nor the exports have to
 * wait for them. What was drawn a moment ago is not drawn again.
 */
export class Previews {
  readonly #limits: Pick<ServerLimits, "previewsPerSession" | "previewTimeoutMs">;
  readonly #draw: typeof drawApart;
  readonly #closed = new AbortController();
  readonly #asked = new Map<string, number>();
  /** The one that was used last is the last. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(limits: Pick<ServerLimits, "previewsPerSession" | "previewTimeoutMs">, draw = drawApart) {
    this.#limits = limits;
    this.#draw = draw;
  }

  /** @throws {Refusal} `rate-limited` */
  async ask(request: PreviewRequest): Promise<FrameAnswer> {
    const { owner, key } = request;
    const kept = this.#find(key);
    if (kept !== null) return kept;
    const asked = this.#asked.get(owner) ?? 0;
    if (this.#waiting >= WAITING_MAX || (owner !== "" && asked >= this.#limits.previewsPerSession)) {
      throw new Refusal("rate-limited", "too many pictures are asked for at once", undefined, RETRY_AFTER_S);
    }
    this.#asked.set(owner, asked + 1);
    this.#waiting += 1;
    const answer = this.#turn.then(() => this.#answer(request));
    this.#turn = answer;
    try {
      return await answer;
    } finally {
      this.#waiting -= 1;
      const left = (this.#asked.get(owner) ?? 1) - 1;
      if (left === 0) this.#asked.delete(owner);
      else this.#asked.set(owner, left);
    }
  }

  /** Ends what is being drawn; what waits is not drawn any more. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#turn;
  }

  /** Never throws: those who wait behind it take their turn. */
  async #answer({ key, question, isWanted }: PreviewRequest): Promise<FrameAnswer> {
    const kept = this.#find(key);
    if (kept !== null) return kept;
    if (this.#closed.signal.aborted || !isWanted()) return { ok: false, reason: "nobody waits for it" };
    const timeLimitMs = this.#limits.previewTimeoutMs;
    const answer = await this.#draw(question, { timeLimitMs, signal: this.#closed.signal });
    this.#keep(key, answer);
    return answer;
  }

  #find(key: string): FrameAnswer | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    this.#kept.delete(key);
    if (kept.until <= performance.now()) {
      this.#keptBytes -= kept.bytes;
      return null;
    }
    this.#kept.set(key, kept);
    return kept.answer;
  }

  #keep(key: string, answer: FrameAnswer): void {
    const bytes = answer.ok ? answer.picture.length : 0;
    this.#kept.set(key, { answer, bytes, until: performance.now() + KEPT_MS });
    this.#keptBytes += bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES_MAX && this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= kept.bytes;
    }
  }
}
