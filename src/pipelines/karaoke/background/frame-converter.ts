import type { VideoFrame } from "@napi-rs/webcodecs";
import type { CanvasModule } from "../paint/load-canvas.ts";
import { makePicture, type Picture, toPicture, toRgba } from "../paint/planes.ts";
import { type Frame, fitInto } from "./load-picture.ts";

/** From this height on a video that does not say so has the colours of BT.709, as is the custom. */
const HD_HEIGHT = 720;

/** What a video says of its pictures. */
export interface SourceInfo {
  /** In quarter turns clockwise. */
  readonly rotation: number;
  readonly matrix: string | null;
  readonly isFullRange: boolean;
}

/** Brings decoded pictures to the size and the colours of the frame. */
export class FrameConverter {
  readonly #canvas: CanvasModule;
  readonly #frame: Frame;
  readonly #source: SourceInfo;

  constructor(canvas: CanvasModule, frame: Frame, source: SourceInfo) {
    this.#canvas = canvas;
    this.#frame = frame;
    this.#source = source;
  }

  async convert(frame: VideoFrame, into: Picture): Promise<void> {
    const { width, height } = frame.visibleRect;
    if (!this.#isOurs(frame)) {
      const rgba = new Uint8ClampedArray(width * height * 4);
      // The codecs' own way knows the other kinds of colours.
      await frame.copyTo(new Uint8Array(rgba.buffer), { format: "RGBA" });
      into.data.set(this.#fit(rgba, width, height).data);
    } else if (width === into.width && height === into.height && this.#source.rotation === 0) {
      // The usual case costs one copy.
      await copyPlanes(frame, into);
    } else {
      const picture = makePicture(width, height);
      await copyPlanes(frame, picture);
      into.data.set(this.#fit(toRgba(picture), width, height).data);
    }
  }

  /** Whether the samples mean what ours mean. */
  #isOurs({ format, visibleRect: { width, height }, codedWidth, codedHeight, colorSpace }: VideoFrame): boolean {
    const matrix = this.#source.matrix ?? colorSpace.matrix;
    const isBt709 = matrix === "bt709" || (matrix === null && height >= HD_HEIGHT);
    const isEven = width % 2 === 0 && height % 2 === 0;
    const isWhole = codedWidth === width && codedHeight === height;
    const isFullRange = this.#source.isFullRange || colorSpace.fullRange === true;
    return format === "I420" && isBt709 && isEven && isWhole && !isFullRange;
  }

  #fit(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Picture {
    const { createCanvas, ImageData } = this.#canvas;
    const { rotation } = this.#source;
    const source = createCanvas(width, height);
    source.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
    const { width: toWidth, height: toHeight } = this.#frame;
    const context = createCanvas(toWidth, toHeight).getContext("2d");
    const isTurned = rotation % 2 === 1;
    const upright = isTurned ? { width: height, height: width } : { width, height };
    const fitted = fitInto(upright, this.#frame);
    const [drawnWidth, drawnHeight] = isTurned ? [fitted.height, fitted.width] : [fitted.width, fitted.height];
    context.translate(toWidth / 2, toHeight / 2);
    context.rotate((rotation * Math.PI) / 2);
    context.drawImage(source, -drawnWidth / 2, -drawnHeight / 2, drawnWidth, drawnHeight);
    return toPicture(context.getImageData(0, 0, toWidth, toHeight).data, toWidth, toHeight);
  }
}

async function copyPlanes(frame: VideoFrame, { width, height, data }: Picture): Promise<void> {
  const half = width / 2;
  const uStart = width * height;
  await frame.copyTo(data, {
    layout: [
      { offset: 0, stride: width },
      { offset: uStart, stride: half },
      { offset: uStart + uStart / 4, stride: half },
    ],
  });
}
