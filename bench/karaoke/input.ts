/** What all sides are given: the same words over the same picture, at the same size, rate and length. */
export interface KaraokeInput {
  /** An ASS file. */
  readonly lyrics: string;
  /** A picture of the video's size. */
  readonly background: string;
  readonly output: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly seconds: number;
  /** Shown at once. */
  readonly lines: number;
}
