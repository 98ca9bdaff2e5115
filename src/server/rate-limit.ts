import { Refusal } from "./problems.ts";

/** Names that are remembered; those whose time began first are forgotten first. */
const NAMES_MAX = 10_000;

/** Counts what each caller does within a span of time that begins with the first of it, and refuses what is too much. */
export class RateLimit {
  readonly #most: number;
  readonly #spanMs: number;
  readonly #detail: string;
  /** In order of when their spans began. */
  readonly #spans = new Map<string, { readonly since: number; count: number }>();

  /** @param of.detail what the refused are told */
  constructor(of: { readonly most: number; readonly spanMs: number; readonly detail: string }) {
    this.#most = of.most;
    this.#spanMs = of.spanMs;
    this.#detail = of.detail;
  }

  /** True if `count` would not refuse. */
  hasRoom(name: string, now: number): boolean {
    const known = this.#spans.get(name);
    return known === undefined || now - known.since >= this.#spanMs || known.count < this.#most;
  }

  /** @throws {Refusal} `rate-limited`, with the seconds after which there is room again */
  count(name: string, now: number): void {
    const known = this.#spans.get(name);
    const isUnderWay = known !== undefined && now - known.since < this.#spanMs;
    const since = isUnderWay ? known.since : now;
    const count = (isUnderWay ? known.count : 0) + 1;
    if (count > this.#most) {
      const retryAfterS = Math.ceil((since + this.#spanMs - now) / 1_000);
      throw new Refusal("rate-limited", this.#detail, undefined, retryAfterS);
    }
    if (isUnderWay) {
      known.count = count;
      return;
    }
    this.#spans.delete(name);
    this.#spans.set(name, { since, count });
    if (this.#spans.size <= NAMES_MAX) return;
    for (const [oldest] of this.#spans) {
      this.#spans.delete(oldest);
      break;
    }
  }
}
