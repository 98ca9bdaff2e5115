import { ApiError } from "../../../src/client/client.ts";
import { Observable, type Schedule } from "../live/observable.ts";

/** A picture costs the server a moment of drawing; nobody looks for a new one more often. */
const EVERY_MS = 5_000;

export interface FrameOptions {
  /** The picture of the frame at which the export stands. */
  readonly read: (signal: AbortSignal) => Promise<Blob>;
  readonly schedule: Schedule;
}

/** Where an export stands. */
export interface ExportPlace {
  readonly frame: number;
  readonly isHalted: boolean;
}

/** The picture of the frame at which an export stands: read again at once where it halts, and now and then while it goes on. */
export class FrameStore extends Observable {
  readonly #read: FrameOptions["read"];
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #place: ExportPlace | null = null;
  /** The frame whose picture was read last. */
  #readFrame = -1;
  #isReading = false;
  /** There is none: the project is not on the server's machine, or cannot be drawn. */
  #isMissing = false;
  #address: string | null = null;

  constructor({ read, schedule }: FrameOptions) {
    super(schedule);
    this.#read = read;
  }

  /** Of the picture; null until there is one. */
  get address(): string | null {
    return this.#address;
  }

  start(): void {}

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#show(null);
  }

  /** Says where the export stands now. */
  tell(place: ExportPlace): void {
    this.#place = place;
    if (place.isHalted) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    void this.#readIfDue();
  }

  async #readIfDue(): Promise<void> {
    const { frame } = this.#place ?? { frame: -1 };
    const isResting = this.#isReading || this.#timer !== undefined;
    if (isResting || this.#isMissing || this.#stop.signal.aborted || frame === this.#readFrame) return;
    this.#isReading = true;
    try {
      const picture = await this.#read(this.#stop.signal);
      this.#readFrame = frame;
      if (!this.#stop.signal.aborted) this.#show(URL.createObjectURL(picture));
    } catch (error) {
      // Whatever else it is may pass.
      this.#isMissing = error instanceof ApiError && (error.status === 404 || error.status === 409);
    }
    this.#isReading = false;
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#readIfDue();
    }, EVERY_MS);
  }

  #show(address: string | null): void {
    if (this.#address !== null) URL.revokeObjectURL(this.#address);
    this.#address = address;
    this.changed();
  }
}
