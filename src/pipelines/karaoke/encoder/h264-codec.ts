/** Levels of H.264 (Rec. ITU-T H.264, table A-1): macroblocks a second and of a frame. */
const LEVELS: readonly (readonly [level: number, aSecond: number, ofFrame: number])[] = [
  [30, 40_500, 1_620],
  [31, 108_000, 3_600],
  [32, 216_000, 5_120],
  [40, 245_760, 8_192],
  [42, 522_240, 8_704],
  [50, 589_824, 22_080],
  [51, 983_040, 36_864],
  [52, 2_073_600, 36_864],
  [60, 4_177_920, 139_264],
  [61, 8_355_840, 139_264],
];
const HIGHEST = 62;
const MACROBLOCK = 16;

/** The codec string of H.264 High at the lowest level that allows a size and a rate. */
export function h264Codec(video: { readonly width: number; readonly height: number; readonly fps: number }): string {
  const blocks = Math.ceil(video.width / MACROBLOCK) * Math.ceil(video.height / MACROBLOCK);
  const found = LEVELS.find(([, aSecond, ofFrame]) => blocks <= ofFrame && blocks * video.fps <= aSecond);
  return `avc1.6400${(found?.[0] ?? HIGHEST).toString(16).padStart(2, "0")}`;
}
