import { ApiError, type Client } from "../../../src/client/client.ts";
import type { WireProcessBatch } from "../../../src/wire/process-batch.ts";
import type { WireUpload } from "../../../src/wire/uploads.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";

/** Requests at once. */
const AT_ONCE = 3;
/** Refusals that the same file meets again: of its size, its kind, its form. */
const FOR_GOOD: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** `waiting`: to be sent; `refused`: not taken, and never will be; `broken`: may be tried again. */
export type RowState = "waiting" | "sending" | "sent" | "refused" | "broken";

export interface UploadRow {
  readonly id: number;
  readonly file: File;
  readonly state: RowState;
  readonly sent: number;
  readonly upload: WireUpload | null;
  readonly problem: ShownProblem | null;
}

export type BatchOrder = Omit<WireProcessBatch, "fileIds">;

type Uploads = Pick<Client, "upload" | "deleteUpload" | "processBatch">;

/**
 * Files on their way to the server, each in a request of its own, so that each has its progress and its refusal; at last a
 * batch is made of them. What was sent is not sent again.
 */
export class UploadStore extends Observable {
  readonly #client: Uploads;
  readonly #rows = new Map<number, UploadRow>();
  readonly #stops = new Map<number, AbortController>();
  #nextId = 1;
  #isSending = false;
  #isLeft = false;
  #problem: ApiError | TypeError | null = null;

  constructor(options: { readonly client: Uploads; readonly schedule: Schedule }) {
    super(options.schedule);
    this.#client = options.client;
  }

  /** Those that need somebody first, then in the order in which they were added. */
  get rows(): readonly UploadRow[] {
    const isStuck = ({ state }: UploadRow): number => (state === "refused" || state === "broken" ? 0 : 1);
    return [...this.#rows.values()].sort((one, two) => isStuck(one) - isStuck(two) || one.id - two.id);
  }

  get files(): readonly File[] {
    return Array.from(this.#rows.values(), ({ file }) => file);
  }

  get isSending(): boolean {
    return this.#isSending;
  }

  /** Why the batch was not made, or nothing could be sent. */
  get problem(): ApiError | TypeError | null {
    return this.#problem;
  }

  get bytes(): { readonly sent: number; readonly total: number } {
    let [sent, total] = [0, 0];
    for (const row of this.#rows.values()) {
      sent += row.sent;
      total += row.file.size;
    }
    return { sent, total };
  }

  start(): void {}

  /** Who leaves the page sends nothing more. */
  stop(): void {
    this.#isLeft = true;
    this.cancel();
  }

  /** True once nobody looks at it any more. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const id = this.#nextId++;
      this.#rows.set(id, { id, file, state: "waiting", sent: 0, upload: null, problem: null });
    }
    this.#problem = null;
    this.changed();
  }

  /** Takes a file out, here and, if it is there already, on the server. */
  remove(id: number): void {
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    this.#stops.get(id)?.abort();
    this.#problem = null;
    this.changed();
    // One that cannot be deleted now is deleted by the server some time later.
    if (row?.upload) void this.#client.deleteUpload(row.upload.fileId).catch(() => {});
  }

  clear(): void {
    this.#rows.clear();
    this.#problem = null;
    this.changed();
  }

  /** Ends what is being sent; what was sent stays. */
  cancel(): void {
    this.#isSending = false;
    for (const stop of this.#stops.values()) stop.abort();
    this.changed();
  }

  /**
   * Sends what was not sent and makes a batch of it, once all of it is there; of what was refused before, it is made without.
   * @returns the batch's id; null where something was refused or broke or was cancelled: the rows and `problem` say what
   */
  async send(order: BatchOrder): Promise<string | null> {
    for (const row of this.#rows.values()) if (row.state === "refused") this.#rows.delete(row.id);
    for (const row of this.#rows.values())
      if (row.state === "broken") this.#set(row.id, { state: "waiting", problem: null });
    this.#problem = null;
    this.#isSending = true;
    this.changed();
    try {
      await this.#sendAll();
      const rows = [...this.#rows.values()];
      const fileIds = rows.flatMap(({ upload }) => upload?.fileId ?? []);
      if (!this.#isSending || fileIds.length === 0 || fileIds.length < rows.length) return null;
      return (await this.#client.processBatch({ ...order, fileIds })).batchId;
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof TypeError)) throw error;
      this.#problem = error;
      return null;
    } finally {
      this.#isSending = false;
      this.changed();
    }
  }

  async #sendAll(): Promise<void> {
    // The first request may begin the session that the others belong to.
    await this.#sendNext();
    const lane = async (): Promise<void> => {
      while (await this.#sendNext());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  }

  /** False if there is nothing to send. */
  async #sendNext(): Promise<boolean> {
    const next = this.#isSending && [...this.#rows.values()].find(({ state }) => state === "waiting");
    if (!next) return false;
    const { id, file } = next;
    const stop = new AbortController();
    this.#stops.set(id, stop);
    this.#set(id, { state: "sending" });
    const onProgress = (sent: number, total: number): void =>
      this.#set(id, { sent: total === 0 ? 0 : Math.floor((sent / total) * file.size) });
    try {
      const { files } = await this.#client.upload([file], { onProgress, signal: stop.signal });
      this.#set(id, { state: "sent", sent: file.size, upload: files[0] ?? null });
    } catch (error) {
      const failure = stop.signal.aborted ? ({ state: "waiting" } as const) : failureOf(error);
      this.#set(id, { sent: 0, ...failure });
      // Away, full, or too much at once: the next file would meet the same.
      if (failure.state === "broken") this.#isSending = false;
    } finally {
      this.#stops.delete(id);
    }
    return true;
  }

  #set(id: number, part: Partial<UploadRow>): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.set(id, { ...row, ...part });
    this.changed();
  }
}

function failureOf(error: unknown): Pick<UploadRow, "state" | "problem"> {
  const isForGood = error instanceof ApiError && FOR_GOOD.has(error.status);
  return { state: isForGood ? "refused" : "broken", problem: showProblem(error) };
}
