/** A picture as H.264 has it (I420): brightness of each pixel, then both colours of each four. Limited range, BT.709. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Y, U and V, one after another, without gaps. */
  readonly data: Uint8Array;
}

/** Something half transparent that is laid over pictures: straight alpha, even sides. */
export interface Layer {
  readonly width: number;
  readonly height: number;
  readonly y: Uint8Array;
  /** Of each pixel. */
  readonly alpha: Uint8Array;
  /** Half the resolution, with an alpha of their own. */
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  readonly colorAlpha: Uint8Array;
}

/** Even numbers. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Black. */
export function makePicture(width: number, height: number): Picture {
  const data = new Uint8Array((width * height * 3) / 2);
  data.fill(16, 0, width * height);
  data.fill(128, width * height);
  return { width, height, data };
}

// ITU-R BT.709: Kr = 0.2126, Kb = 0.0722; 16 to 235 for brightness, 16 to 240 for colours; in 1/65536.
const Y_R = 11_966;
const Y_G = 40_254;
const Y_B = 4_064;
const U_R = -6_596;
const U_G = -22_189;
const U_B = 28_785;
const V_R = 28_785;
const V_G = -26_145;
const V_B = -2_640;
const HALF = 32_768;
const Y_ZERO = (16 << 16) + HALF;
const C_ZERO = (128 << 16) + HALF;

/** Turns opaque RGBA into a picture of the same size. */
export function toPicture(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Picture {
  const picture = makePicture(width, height);
  const { data } = picture;
  const half = width / 2;
  const uStart = width * height;
  const vStart = uStart + uStart / 4;
  for (let row = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let corner = 0; corner < 4; corner++) {
        const pixel = (row + (corner >> 1)) * width + column + (corner & 1);
        const r = rgba[pixel * 4] ?? 0;
        const g = rgba[pixel * 4 + 1] ?? 0;
        const b = rgba[pixel * 4 + 2] ?? 0;
        data[pixel] = (Y_R * r + Y_G * g + Y_B * b + Y_ZERO) >> 16;
        red += r;
        green += g;
        blue += b;
      }
      const at = (row >> 1) * half + (column >> 1);
      data[uStart + at] = ((U_R * red + U_G * green + U_B * blue) / 4 + C_ZERO) >> 16;
      data[vStart + at] = ((V_R * red + V_G * green + V_B * blue) / 4 + C_ZERO) >> 16;
    }
  }
  return picture;
}

/** Turns RGBA with straight alpha into a layer of the same size. */
export function toLayer(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Layer {
  const pixels = width * height;
  const layer = {
    width,
    height,
    y: new Uint8Array(pixels),
    alpha: new Uint8Array(pixels),
    u: new Uint8Array(pixels / 4),
    v: new Uint8Array(pixels / 4),
    colorAlpha: new Uint8Array(pixels / 4),
  };
  for (let row = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let weight = 0;
      for (let corner = 0; corner < 4; corner++) {
        const pixel = (row + (corner >> 1)) * width + column + (corner & 1);
        const r = rgba[pixel * 4] ?? 0;
        const g = rgba[pixel * 4 + 1] ?? 0;
        const b = rgba[pixel * 4 + 2] ?? 0;
        const a = rgba[pixel * 4 + 3] ?? 0;
        layer.y[pixel] = (Y_R * r + Y_G * g + Y_B * b + Y_ZERO) >> 16;
        layer.alpha[pixel] = a;
        red += r * a;
        green += g * a;
        blue += b * a;
        weight += a;
      }
      if (weight === 0) continue;
      const at = (row >> 1) * (width >> 1) + (column >> 1);
      layer.colorAlpha[at] = (weight + 2) >> 2;
      layer.u[at] = ((U_R * red + U_G * green + U_B * blue) / weight + C_ZERO) >> 16;
      layer.v[at] = ((V_R * red + V_G * green + V_B * blue) / weight + C_ZERO) >> 16;
    }
  }
  return layer;
}

/** Opaque RGBA of a picture: each four pixels share their colour. */
export function toRgba({ width, height, data }: Picture): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(width * height * 4);
  const uStart = width * height;
  const vStart = uStart + uStart / 4;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const pixel = row * width + column;
      const at = (row >> 1) * (width >> 1) + (column >> 1);
      const y = 1.164384 * ((data[pixel] ?? 0) - 16);
      const u = (data[uStart + at] ?? 128) - 128;
      const v = (data[vStart + at] ?? 128) - 128;
      rgba[pixel * 4] = y + 1.792741 * v;
      rgba[pixel * 4 + 1] = y - 0.213249 * u - 0.532909 * v;
      rgba[pixel * 4 + 2] = y + 2.112402 * u;
      rgba[pixel * 4 + 3] = 255;
    }
  }
  return rgba;
}
