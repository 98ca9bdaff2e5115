import { hash } from "node:crypto";
import type { BatchSnapshot } from "../core/batch.ts";
import type { Batch, ItemsPage } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { BatchOptions } from "../engine/options.ts";
import { type BatchStatusQuery, toShownSeconds, toWireBatchStatus } from "../wire/batch-status.ts";

/** What somebody who polls asks. */
interface Question {
  readonly batchId: string;
  /** Whose batches may be told of: who may know of one owner's alone is given nothing that was read for others. */
  readonly reach: BatchOptions;
  readonly query: BatchStatusQuery;
}

/** An answer, ready to be sent. */
export interface BatchAnswer {
  readonly body: string;
  readonly etag: string;
  /** Seconds after which asking again is worth while; null once the batch has ended. */
  readonly retryAfter: number | null;
}

interface Kept {
  /** What the answer was made of; another value makes another answer. */
  readonly facts: string;
  readonly answer: BatchAnswer;
}

interface Asked {
  /** Commits that had been heard of when the store was asked. */
  readonly commits: number;
  readonly at: number;
  readonly answer: Promise<BatchAnswer>;
  /** The same, once it is there. */
  given: BatchAnswer | null;
}

/** However quiet the store is, it is asked again after this time: estimates move, and hints of commits may be lost. */
const ASK_AGAIN_MS = 250;
const RETRY_AFTER_MAX_S = 10;
const ASKED_MAX = 1_000;
const BYTES_MAX = 33_554_432;
const TRIES_MAX = 3;

/**
 * Answers those who poll a batch. The store is asked only if something was committed since, and the answer encoded anew only if
 * the batch did change: a thousand people who poll one batch cost little more than one. An answer is as of the last commit of this
 * process, and of another as soon as the store tells of it (SQLite: 50 ms).
 */
export class BatchAnswers {
  readonly #milepost: Milepost;
  readonly #unsubscribe: () => void;
  #commits = 0;
  #bytes = 0;
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Map<string, Asked>();

  constructor(milepost: Milepost) {
    this.#milepost = milepost;
    this.#unsubscribe = milepost.subscribe(() => {
      this.#commits += 1;
      this.#asked.clear();
    });
  }

  /**
   * What gives the answer for one who polls, as often as it is called; at once, where it is there already: a promise would cost
   * as much again.
   * @throws {MilepostError} `NOT_FOUND`, when it is called
   */
  askerFor(question: Question): () => BatchAnswer | Promise<BatchAnswer> {
    const { batchId, reach, query } = question;
    const whose = reach.owner === undefined ? "any" : `of ${reach.owner}`;
    const key = `${batchId} ${query.images} ${query.limit} ${query.cursor ?? ""} ${whose}`;
    return () => this.#answer(key, question);
  }

  #answer(key: string, question: Question): BatchAnswer | Promise<BatchAnswer> {
    const now = performance.now();
    const known = this.#asked.get(key);
    if (known !== undefined && known.commits === this.#commits && now - known.at < ASK_AGAIN_MS) {
      return known.given ?? known.answer;
    }
    if (this.#asked.size >= ASKED_MAX) this.#asked.clear();
    const asked: Asked = {
      commits: this.#commits,
      at: now,
      answer: this.#ask(key, question),
      given: null,
    };
    this.#asked.set(key, asked);
    asked.answer.then(
      (answer) => {
        asked.given = answer;
      },
      // A refusal is not kept: whoever asks next may be told something else.
      () => this.#asked.delete(key),
    );
    return asked.answer;
  }

  close(): void {
    this.#unsubscribe();
    this.#asked.clear();
    this.#kept.clear();
  }

  async #ask(key: string, { batchId, reach, query }: Question): Promise<BatchAnswer> {
    const batch = this.#milepost.batch(batchId, reach);
    let snapshot = await batch.snapshot();
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.facts === factsOf(snapshot)) return kept.answer;
    let page = await pageOf(batch, query);
    // The counts and the images are of one moment, as far as a busy batch lets them.
    for (let tries = 1; query.images !== "none" && tries < TRIES_MAX; tries++) {
      const after = await batch.snapshot();
      if (after.version === snapshot.version) break;
      snapshot = after;
      page = await pageOf(batch, query);
    }
    return this.#keep(key, snapshot, JSON.stringify(toWireBatchStatus(snapshot, page)));
  }

  #keep(key: string, snapshot: BatchSnapshot, body: string): BatchAnswer {
    const answer = {
      body,
      etag: `"${hash("sha256", body, "base64url").slice(0, 22)}"`,
      retryAfter: retryAfterOf(snapshot),
    };
    this.#drop(key);
    this.#kept.set(key, { facts: factsOf(snapshot), answer });
    this.#bytes += body.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= BYTES_MAX) break;
      this.#drop(oldest);
    }
    return answer;
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.answer.body.length ?? 0;
    this.#kept.delete(key);
  }
}

/** All that an answer shows follows from these. */
function factsOf({ version, status, percent, estimate }: BatchSnapshot): string {
  const shown = estimate === null ? "" : [estimate.low, estimate.median, estimate.high].map(toShownSeconds).join(" ");
  return `${version} ${status} ${percent} ${shown}`;
}

function pageOf(batch: Batch, { images, cursor, limit }: BatchStatusQuery): Promise<ItemsPage> | ItemsPage {
  if (images === "none") return { items: [], nextCursor: null };
  return batch.items({
    limit,
    ...(images !== "all" && { state: images }),
    ...(cursor !== undefined && { after: cursor }),
  });
}

/** A hundredth of what is left, so that nobody asks much too often or sees the end much too late. */
function retryAfterOf({ endedAt, estimatedTimeRemaining }: BatchSnapshot): number | null {
  if (endedAt !== null) return null;
  return Math.min(RETRY_AFTER_MAX_S, Math.max(1, Math.round((estimatedTimeRemaining ?? 0) / 100)));
}
