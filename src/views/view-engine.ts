import { MilepostError } from "../core/errors.ts";
import { Milepost } from "../engine/milepost.ts";
import type { Tracker } from "../engine/tracker.ts";
import { type OpenOptions, openMilepost } from "../open-milepost.ts";

/** What a view works over: an engine of its own, or its caller's; and the tracker it reports through, opened by its first report. */
export class ViewEngine {
  readonly milepost: Promise<Milepost>;
  readonly #isOwned: boolean;
  #tracker: Promise<Tracker> | null = null;
  #isClosed = false;

  /** @param source where the view's own engine is opened, or an open engine, which stays the caller's to close */
  constructor(source: string | Milepost, options: OpenOptions = {}) {
    this.#isOwned = !(source instanceof Milepost);
    this.milepost = source instanceof Milepost ? Promise.resolve(source) : openMilepost(source, options);
    // An error in opening is thrown by the first call, not as an unhandled rejection.
    this.milepost.catch(() => {});
  }

  /** @throws {MilepostError} `CLOSED` */
  async tracker(): Promise<Tracker> {
    if (this.#isClosed) throw new MilepostError("CLOSED", "this view of the store was closed; make another");
    this.#tracker ??= this.milepost
      .then((milepost) => milepost.track())
      .catch((error: unknown) => {
        // The store may only have been busy: the next report tries anew.
        this.#tracker = null;
        throw error;
      });
    return this.#tracker;
  }

  /** Gives back what is held. Of an engine that could not be opened there is nothing to close. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opened: Promise<Milepost | Tracker> | null = this.#isOwned ? this.milepost : this.#tracker;
    await (await opened?.catch(() => null))?.close();
  }
}
