import { FULL } from "../scene/timeline.ts";
import type { Layer, Picture, Rectangle } from "./planes.ts";

/** Copies a rectangle from one picture to the same place of another of the same size. */
export function copyRectangle(from: Picture, to: Picture, area: Rectangle): void {
  const { width, height } = to;
  if (area.left === 0 && area.right === width && area.top === 0 && area.bottom === height) {
    to.data.set(from.data);
    return;
  }
  copyRows(from.data, to.data, { start: 0, stride: width, ...area });
  const half = halfOf(area);
  const uStart = width * height;
  copyRows(from.data, to.data, { start: uStart, stride: width / 2, ...half });
  copyRows(from.data, to.data, { start: uStart + uStart / 4, stride: width / 2, ...half });
}

/**
 * Lays what of `layer` falls into `area` over a picture, its corner at `left`, `top`.
 *
 * @param at.opacity 0 to `FULL`
 */
export function blendLayer(
  picture: Picture,
  layer: Layer,
  at: { readonly left: number; readonly top: number; readonly area: Rectangle; readonly opacity: number },
): void {
  const { width, height, data } = picture;
  const area = {
    left: Math.max(0, at.left, at.area.left),
    top: Math.max(0, at.top, at.area.top),
    right: Math.min(width, at.left + layer.width, at.area.right),
    bottom: Math.min(height, at.top + layer.height, at.area.bottom),
  };
  if (area.left >= area.right || area.top >= area.bottom) return;
  const shared = { data, opacity: at.opacity };
  blendPlane(layer.y, layer.alpha, {
    ...shared,
    ...area,
    start: 0,
    stride: width,
    layerLeft: at.left,
    layerTop: at.top,
    layerStride: layer.width,
  });
  const half = {
    ...shared,
    ...halfOf(area),
    stride: width / 2,
    layerLeft: at.left / 2,
    layerTop: at.top / 2,
    layerStride: layer.width / 2,
  };
  const uStart = width * height;
  blendPlane(layer.u, layer.colorAlpha, { ...half, start: uStart });
  blendPlane(layer.v, layer.colorAlpha, { ...half, start: uStart + uStart / 4 });
}

interface PlaneArea extends Rectangle {
  /** Where the plane begins in the picture's data, and its width. */
  readonly start: number;
  readonly stride: number;
}

interface BlendArea extends PlaneArea {
  readonly data: Uint8Array;
  readonly opacity: number;
  readonly layerLeft: number;
  readonly layerTop: number;
  readonly layerStride: number;
}

function halfOf({ left, top, right, bottom }: Rectangle): Rectangle {
  return { left: left / 2, top: top / 2, right: right / 2, bottom: bottom / 2 };
}

function copyRows(from: Uint8Array, to: Uint8Array, { start, stride, left, right, top, bottom }: PlaneArea): void {
  for (let row = top; row < bottom; row++) {
    const begin = start + row * stride;
    to.set(from.subarray(begin + left, begin + right), begin + left);
  }
}

/** `256 × FULL`, as bits, and half of it, for rounding. */
const SHIFT = 8 + Math.log2(FULL);
const HALF = 1 << (SHIFT - 1);

/** The hot loop: every pixel of every changed rectangle of every frame passes here. */
function blendPlane(values: Uint8Array, alphas: Uint8Array, area: BlendArea): void {
  const { data, opacity, left, right, top, bottom, start, stride, layerLeft, layerTop, layerStride } = area;
  for (let row = top; row < bottom; row++) {
    let from = (row - layerTop) * layerStride + left - layerLeft;
    let to = start + row * stride + left;
    const end = to + right - left;
    for (; to < end; to++, from++) {
      const alpha = alphas[from] ?? 0;
      if (alpha === 0) continue;
      // 0 to 65,536: 255 of alpha counts as 256, so that what is opaque hides all.
      const weight = (alpha + (alpha >> 7)) * opacity;
      const below = data[to] ?? 0;
      data[to] = below + ((((values[from] ?? 0) - below) * weight + HALF) >> SHIFT);
    }
  }
}
