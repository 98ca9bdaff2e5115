import { setImmediate } from "node:timers/promises";
import { MilepostError } from "../../core/errors.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { BatchOptions } from "../../engine/options.ts";
import { toWireBatch, type WireBatch } from "../../wire/batch.ts";
import type { Hide } from "./channel.ts";
import type { EventStream } from "./event-stream.ts";
import { inPieces, toFrame } from "./frame.ts";
import { Ticker } from "./ticker.ts";

/** Changes of a batch within this time are told as one. */
const EVERY_MS = 500;
const IDLE_MS = 1_000;
/** Batches that are read in one turn of the event loop, and of those that changed, between two looks. */
const READ_AT_ONCE = 20;
const READ_PER_LOOK = 400;
/** Estimates that are looked at again, one after the other, between two looks. */
const ESTIMATES_PER_LOOK = 20;
/** All that run are read by pages, without estimates; those of so many are made before a newcomer is told, the others after it. */
const PAGE_BATCHES = 250;
const ESTIMATES_AT_ONCE = 200;
const SNAPSHOT_BATCHES = 100;
const FRAME_CHARACTERS = 131_072;

/** Batches of one session that are looked for at once, the newest. */
const OWN_MAX = 200;

/** The batches that a reader is told of: some by id, all that run, or all of one owner that do. */
export type Watched = ReadonlySet<string> | "running" | OwnRunning;

/** What runs of an owner: known anew at each look. */
export class OwnRunning {
  readonly owner: string;
  readonly ids = new Set<string>();

  constructor(owner: string) {
    this.owner = owner;
  }
}

/** A batch as every reader that watches it was told. */
interface Told {
  readonly version: number;
  readonly json: string;
  /** The same for sessions. */
  readonly publicJson: string;
  readonly isEnded: boolean;
}

/**
 * Readers of many batches. Each batch is read and encoded once for all of them, when one read of all versions says that it
 * changed; what changed several times between two looks is told once.
 */
export class Overview {
  readonly #milepost: Milepost;
  readonly #hide: Hide;
  readonly #onError: (error: unknown) => void;
  readonly #readers = new Map<EventStream, Watched>();
  readonly #told = new Map<string, Told>();
  /** Batches whose estimate was not asked for yet; some of them may be gone. */
  readonly #unjudged = new Set<string>();
  #ticker: Ticker | null = null;
  #nextEstimate = 0;
  /** Readers that are about to be told of batches: what is known of these must stay. */
  #newcomers = 0;

  constructor(options: {
    readonly milepost: Milepost;
    readonly hide: Hide;
    readonly onError: (error: unknown) => void;
  }) {
    this.#milepost = options.milepost;
    this.#hide = options.hide;
    this.#onError = options.onError;
  }

  /** Those of the batches that are there, as far as somebody reaches. Batches are read for all readers, so that only these may be watched. */
  async within(reach: BatchOptions, ids: readonly string[]): Promise<readonly string[]> {
    return this.#hold(async () => {
      const versions = await this.#milepost.versions(ids, reach);
      // What others were told last may be older than what the caller has just done.
      await this.#read([...versions].filter(([id, at]) => this.#told.get(id)?.version !== at).map(([id]) => id));
      return ids.filter((id) => versions.has(id) && this.#told.has(id));
    });
  }

  /** Tells a reader of the batches as they are now, and of their changes until it goes. */
  async admit(stream: EventStream, watched: Watched): Promise<void> {
    await this.#hold(async () => {
      await (watched === "running" ? this.#readRunning() : this.#readNamed(watched));
      if (!stream.isOpen) return;
      // From here on it hears of changes; what it is shown is what all others were told, so that nothing goes back.
      this.#readers.set(stream, watched);
      void stream.closed.then(() => this.#leave(stream));
      this.#startTicker();
      const ids = watched === "running" ? this.#toldToRun() : [...namedBy(watched)];
      for (let at = 0; at < ids.length; at += SNAPSHOT_BATCHES) {
        const some = ids.slice(at, at + SNAPSHOT_BATCHES).map((id) => this.#told.get(id));
        const batches = some
          .filter((told) => told !== undefined)
          .map(jsonFor(stream))
          .join(",");
        stream.write(toFrame("snapshot", `{"batches":[${batches}],"isLast":false}`));
        await stream.drained();
      }
      stream.write(toFrame("snapshot", `{"batches":[],"isLast":true}`));
    });
  }

  close(): void {
    this.#ticker?.stop();
    this.#ticker = null;
  }

  #startTicker(): void {
    this.#ticker ??= new Ticker(this.#milepost, {
      everyMs: EVERY_MS,
      idleMs: IDLE_MS,
      task: () => this.#look(),
      onError: this.#onError,
    });
  }

  async #look(): Promise<void> {
    const watched = [...this.#readers.values()];
    await this.#findOwn(watched.filter((one) => one instanceof OwnRunning));
    const named = new Set(watched.flatMap((one) => (one === "running" ? [] : [...namedBy(one)])));
    const running = watched.includes("running") ? await this.#milepost.versions() : new Map<string, number>();
    // Those told of that are not running any more have ended, which is to be told too, or are gone.
    const others = [...new Set([...named, ...this.#told.keys()])].filter((id) => !running.has(id));
    const versions = new Map([...running, ...(await this.#milepost.versions(others))]);
    const changed = [...versions].filter(([id, version]) => this.#told.get(id)?.version !== version).map(([id]) => id);
    const due = changed.slice(0, READ_PER_LOOK);
    await this.#read(new Set([...due, ...this.#takeUnjudged(READ_PER_LOOK - due.length), ...this.#estimatesDue()]));
    const gone = others.filter((id) => this.#told.has(id) && !versions.has(id));
    for (const id of gone) this.#told.delete(id);
    if (gone.length > 0) this.#tell(new Map(), gone);
    this.#dropUnwatched(named);
    if (changed.length > READ_PER_LOOK || this.#unjudged.size > 0) this.#ticker?.hint();
  }

  async #readNamed(watched: Exclude<Watched, "running">): Promise<void> {
    if (watched instanceof OwnRunning) await this.#findOwn([watched]);
    await this.#read([...namedBy(watched)].filter((id) => !this.#told.has(id)));
  }

  #toldToRun(): readonly string[] {
    return [...this.#told].filter(([, { isEnded }]) => !isEnded).map(([id]) => id);
  }

  /** Reads all that run and are not known yet; those that are worked on get their estimates first. */
  async #readRunning(): Promise<void> {
    const worked: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = await this.#pageOfRunning(after);
      const news = new Map<string, Told>();
      for (const snapshot of page.batches) {
        if (this.#told.has(snapshot.id)) continue;
        news.set(snapshot.id, this.#toTold(toWireBatch(snapshot)));
        this.#unjudged.add(snapshot.id);
        if (snapshot.counts.processing > 0) worked.push(snapshot.id);
      }
      for (const [id, told] of news) this.#told.set(id, told);
      if (news.size > 0) this.#tell(news, []);
      after = page.nextCursor;
      await setImmediate();
    }
    const first = new Set([...worked.slice(0, ESTIMATES_AT_ONCE), ...this.#unjudged.values().take(ESTIMATES_AT_ONCE)]);
    const judged = [...first].slice(0, ESTIMATES_AT_ONCE);
    for (const id of judged) this.#unjudged.delete(id);
    await this.#read(judged);
  }

  /** From the first page again, where the batch that the last one ended with is not there any more. */
  async #pageOfRunning(after: string | undefined): ReturnType<Milepost["batches"]> {
    const query = { isEnded: false, limit: PAGE_BATCHES, withEstimates: false } as const;
    try {
      return await this.#milepost.batches({ ...query, ...(after !== undefined && { after }) });
    } catch (error) {
      if (after === undefined || !(error instanceof MilepostError && error.code === "NOT_FOUND")) throw error;
      return this.#milepost.batches(query);
    }
  }

  #takeUnjudged(most: number): readonly string[] {
    const taken = this.#unjudged.values().take(Math.max(0, most)).toArray();
    for (const id of taken) this.#unjudged.delete(id);
    return taken.filter((id) => this.#told.has(id));
  }

  /** One read for each owner, however many of its readers there are. */
  async #findOwn(readers: readonly OwnRunning[]): Promise<void> {
    for (const [owner, own] of Map.groupBy(readers, (reader) => reader.owner)) {
      const query = { owner, isEnded: false, limit: OWN_MAX, withEstimates: false } as const;
      const { batches } = await this.#milepost.batches(query);
      for (const { ids } of own) for (const { id } of batches) ids.add(id);
    }
  }

  /** What ended was told; only those who asked for it by its id will hear of it again. */
  #dropUnwatched(named: ReadonlySet<string>): void {
    if (this.#newcomers > 0) return;
    for (const watched of this.#readers.values()) {
      if (!(watched instanceof OwnRunning)) continue;
      for (const id of watched.ids) if (this.#told.get(id)?.isEnded ?? true) watched.ids.delete(id);
    }
    const isRunningWatched = [...this.#readers.values()].includes("running");
    for (const [id, { isEnded }] of this.#told) {
      if (!named.has(id) && (isEnded || !isRunningWatched)) this.#told.delete(id);
    }
  }

  #estimatesDue(): readonly string[] {
    const ids = [...this.#told.keys()];
    const from = this.#nextEstimate < ids.length ? this.#nextEstimate : 0;
    this.#nextEstimate = from + ESTIMATES_PER_LOOK;
    return ids.slice(from, this.#nextEstimate);
  }

  /** Reads batches and tells what is new of them to all who watch them; those that are not there are left out. */
  async #read(ids: Iterable<string>): Promise<void> {
    const left = [...ids];
    for (let at = 0; at < left.length; at += READ_AT_ONCE) {
      const read = await Promise.all(left.slice(at, at + READ_AT_ONCE).map((id) => this.#readOne(id)));
      const news = new Map<string, Told>();
      for (const { id, told } of read.filter((one) => one !== null)) {
        const known = this.#told.get(id);
        // Two may read the same batch at the same time; the later state stays.
        if (known !== undefined && (known.version > told.version || known.json === told.json)) continue;
        this.#told.set(id, told);
        news.set(id, told);
      }
      if (news.size > 0) this.#tell(news, []);
      await setImmediate();
    }
  }

  async #readOne(id: string): Promise<{ readonly id: string; readonly told: Told } | null> {
    try {
      const batch = toWireBatch(await this.#milepost.batch(id).snapshot());
      return { id, told: this.#toTold(batch) };
    } catch (error) {
      if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
      throw error;
    }
  }

  #toTold(batch: WireBatch): Told {
    const { version, endedAt } = batch;
    const json = JSON.stringify(batch);
    return { version, json, publicJson: this.#hide(json), isEnded: endedAt !== null };
  }

  #tell(news: ReadonlyMap<string, Told>, gone: readonly string[]): void {
    let forRunning: readonly Buffer[] | null = null;
    for (const [stream, watched] of this.#readers) {
      let frames: readonly Buffer[];
      if (watched === "running") {
        forRunning ??= toFrames(
          Array.from(news.values(), ({ json }) => json),
          gone,
        );
        frames = forRunning;
      } else {
        const ids = namedBy(watched);
        const mine = [...news].filter(([id]) => ids.has(id)).map(([, told]) => jsonFor(stream)(told));
        const lost = gone.filter((id) => ids.has(id));
        frames = toFrames(mine, lost);
      }
      for (const frame of frames) stream.write(frame);
    }
  }

  async #hold<T>(task: () => Promise<T>): Promise<T> {
    this.#newcomers += 1;
    try {
      return await task();
    } finally {
      this.#newcomers -= 1;
      this.#clearIfUnused();
    }
  }

  #leave(stream: EventStream): void {
    this.#readers.delete(stream);
    this.#clearIfUnused();
  }

  #clearIfUnused(): void {
    if (this.#readers.size > 0 || this.#newcomers > 0) return;
    this.close();
    this.#told.clear();
    this.#unjudged.clear();
  }
}

function namedBy(watched: Exclude<Watched, "running">): ReadonlySet<string> {
  return watched instanceof OwnRunning ? watched.ids : watched;
}

function jsonFor({ isOperators }: EventStream): (told: Told) => string {
  return ({ json, publicJson }) => (isOperators ? json : publicJson);
}

function toFrames(batches: readonly string[], gone: readonly string[]): readonly Buffer[] {
  const pieces = batches.length === 0 ? [] : inPieces(batches, FRAME_CHARACTERS);
  const frames = pieces.map((piece) => toFrame("changes", `{"batches":[${piece.join(",")}]}`));
  return gone.length === 0 ? frames : [...frames, toFrame("removed", JSON.stringify({ batchIds: gone }))];
}
