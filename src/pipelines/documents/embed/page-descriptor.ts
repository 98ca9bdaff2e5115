import { type PageImage, toUnitLength } from "./embedder.ts";

/** Cells along each side, for both parts. */
const CELLS = 8;
const ORIENTATIONS = 6;
/** The page is scaled to a square of so many pixels before it is looked at: layout counts, letters do not. */
const SIDE = 64;
const CELL_SIDE = SIDE / CELLS;
const GRADIENTS = CELLS * CELLS * ORIENTATIONS;
const COLOURS = CELLS * CELLS * 2;

export const IMAGE_DIMENSIONS = GRADIENTS + COLOURS;

/** What the colours count against the gradients. */
const COLOUR_WEIGHT = 0.5;

/**
 * A page as a vector: where it has edges and of which direction, and where it has which colour.
 *
 * The page is averaged down to 64 × 64. Gradients: in each of 8 × 8 cells a histogram of six directions without sign, weighted by
 * strength, after Dalal and Triggs (Histograms of Oriented Gradients for Human Detection, CVPR 2005), normalised over the whole page
 * instead of blocks. Colours: the mean blue and red difference of each cell, as in the colour layout descriptor of MPEG-7
 * (Kasutani and Yamada, ICIP 2001) without its cosine transform. Pages of the same layout come out alike; what is written
 * on them is the matter of the text.
 */
export function describePage(image: PageImage): Float32Array {
  const { luma, blue, red } = scaledDown(image);
  const gradients = new Float32Array(GRADIENTS);
  for (let y = 1; y < SIDE - 1; y++) {
    for (let x = 1; x < SIDE - 1; x++) {
      const at = y * SIDE + x;
      const dx = (luma[at + 1] ?? 0) - (luma[at - 1] ?? 0);
      const dy = (luma[at + SIDE] ?? 0) - (luma[at - SIDE] ?? 0);
      const strength = Math.hypot(dx, dy);
      if (strength < 1) continue;
      const angle = (Math.atan2(dy, dx) + Math.PI) % Math.PI;
      const direction = Math.min(ORIENTATIONS - 1, Math.floor((angle / Math.PI) * ORIENTATIONS));
      const bin = cellOf(x, y) * ORIENTATIONS + direction;
      gradients[bin] = (gradients[bin] ?? 0) + strength;
    }
  }
  const colours = new Float32Array(COLOURS);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const cell = 2 * cellOf(x, y);
      colours[cell] = (colours[cell] ?? 0) + (blue[y * SIDE + x] ?? 0);
      colours[cell + 1] = (colours[cell + 1] ?? 0) + (red[y * SIDE + x] ?? 0);
    }
  }
  const vector = new Float32Array(IMAGE_DIMENSIONS);
  vector.set(toUnitLength(gradients.map(Math.sqrt)), 0);
  const isGrey = colours.every((value) => Math.abs(value) < CELL_SIDE * CELL_SIDE);
  if (!isGrey)
    vector.set(
      toUnitLength(colours).map((value) => value * COLOUR_WEIGHT),
      GRADIENTS,
    );
  return toUnitLength(vector);
}

function cellOf(x: number, y: number): number {
  return Math.floor(y / CELL_SIDE) * CELLS + Math.floor(x / CELL_SIDE);
}

/** Brightness and colour differences (ITU-R BT.601) of the page at 64 × 64, each pixel the mean of those that fall on it. */
function scaledDown(image: PageImage): Record<"luma" | "blue" | "red", Float32Array> {
  const { sums, counts } = sumsOf(image);
  const luma = new Float32Array(SIDE * SIDE);
  const blue = new Float32Array(SIDE * SIDE);
  const red = new Float32Array(SIDE * SIDE);
  for (let at = 0; at < SIDE * SIDE; at++) {
    // A page that is smaller than the square leaves pixels without any: they count as white paper.
    const count = counts[at] ?? 0;
    const mean = (colour: number): number => (count === 0 ? 255 : (sums[3 * at + colour] ?? 0) / count);
    const [r, g, b] = [mean(0), mean(1), mean(2)];
    const bright = 0.299 * r + 0.587 * g + 0.114 * b;
    luma[at] = bright;
    blue[at] = 0.564 * (b - bright);
    red[at] = 0.713 * (r - bright);
  }
  return { luma, blue, red };
}

/** The loop over all pixels is most of what a description costs, so it reads each as one number and writes once for each square. */
function sumsOf({ width, height, rgba }: PageImage): { readonly sums: Uint32Array; readonly counts: Uint32Array } {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const sums = new Uint32Array(SIDE * SIDE * 3);
  const counts = new Uint32Array(SIDE * SIDE);
  const ends = Uint32Array.from({ length: SIDE }, (_, column) => Math.ceil(((column + 1) * width) / SIDE));
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * SIDE) / height) * SIDE;
    let x = 0;
    for (let column = 0; column < SIDE; column++) {
      const end = ends[column] as number;
      const begin = x;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (; x < end; x++) {
        const pixel = pixels[y * width + x] as number;
        red += pixel & 0xff;
        green += (pixel >>> 8) & 0xff;
        blue += (pixel >>> 16) & 0xff;
      }
      const at = row + column;
      counts[at] = (counts[at] as number) + x - begin;
      sums[3 * at] = (sums[3 * at] as number) + red;
      sums[3 * at + 1] = (sums[3 * at + 1] as number) + green;
      sums[3 * at + 2] = (sums[3 * at + 2] as number) + blue;
    }
  }
  return { sums, counts };
}
