/** How loud the middle and the back speakers are in either side (ITU-R BS.775, −3 dB). */
const SIDE = Math.SQRT1_2;

/** Two channels of any number: one for both sides, or the front ones with the others mixed in (the order of WAV: L R C LFE Ls Rs …). */
export function toStereo(channels: readonly Float32Array[]): readonly [Float32Array, Float32Array] {
  const [first = new Float32Array(), second = first, middle, , ...back] = channels;
  if (channels.length <= 2) return [first, second];
  if (channels.length === 4) {
    const [, , backLeft = first, backRight = second] = channels;
    return [mix(first, [backLeft]), mix(second, [backRight])];
  }
  const side = (parity: number): readonly Float32Array[] => [
    ...(middle === undefined ? [] : [middle]),
    ...back.filter((_, index) => index % 2 === parity),
  ];
  return [mix(first, side(0)), mix(second, side(1))];
}

function mix(front: Float32Array, others: readonly Float32Array[]): Float32Array {
  const scale = 1 / (1 + SIDE * others.length);
  return front.map((sample, index) => scale * others.reduce((sum, other) => sum + SIDE * (other[index] ?? 0), sample));
}
