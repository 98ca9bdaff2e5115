import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Closed frames may hold so much before they are collected. */
const HELD_BYTES = 25_165_824;

type Collect = (options: { readonly type: "minor" }) => void;

let collect: Collect | null = null;

/**
 * Bounds the memory of closed frames. The codecs free a frame not when it is closed but when JavaScript collects its object, which is
 * so small that V8 would wait for a thousand of them: gigabytes. So the young objects are collected after some frames, in under a millisecond.
 */
export class FrameMemory {
  #bytes = 0;

  /** A frame of so many bytes was made. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < HELD_BYTES) return;
    this.#bytes = 0;
    collect ??= collector();
    collect({ type: "minor" });
  }
}

function collector(): Collect {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}
