import { Refusal } from "./problems.ts";

const HOUR_MS = 3_600_000;
/** Addresses remembered; the oldest hours are forgotten first. */
const ADDRESSES_MAX = 10_000;

/** Counts the sessions that each address begins in an hour, so that nobody gets around a limit of sessions by new ones. */
export class SessionCap {
  readonly #most: number;
  /** In order of when their hours began. */
  readonly #hours = new Map<string, { readonly since: number; count: number }>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one more, or refuses. */
  begin(address: string, now: number): void {
    const known = this.#hours.get(address);
    if (known !== undefined && now - known.since < HOUR_MS) {
      if (known.count >= this.#most) {
        const retryAfterS = Math.ceil((known.since + HOUR_MS - now) / 1_000);
        const detail = `your address may begin ${this.#most} sessions an hour; keep the cookie of one`;
        throw new Refusal("rate-limited", detail, undefined, retryAfterS);
      }
      known.count += 1;
      return;
    }
    this.#hours.delete(address);
    this.#hours.set(address, { since: now, count: 1 });
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > ADDRESSES_MAX && oldest !== undefined) this.#hours.delete(oldest);
  }
}
