import type { VideoFrame } from "@napi-rs/webcodecs";
import type { CanvasModule } from "../paint/load-canvas.ts";
import { type Picture, toPicture } from "../paint/planes.ts";
import { type Frame, fitInto } from "./load-picture.ts";

/** From this height on a video that does not say so has the colours of BT.709, as is the custom. */
const HD_HEIGHT = 720;

/** Brings decoded pictures to the size and the colours of the frame. */
export class FrameConverter {
  readonly #canvas: CanvasModule;
  readonly #frame: Frame;
  readonly #rotation: number;

  /** @param rotation in quarter turns clockwise */
  constructor(canvas: CanvasModule, frame: Frame, rotation: number) {
    this.#canvas = canvas;
    this.#frame = frame;
    this.#rotation = rotation;
  }

  async convert(frame: VideoFrame, into: Picture): Promise<void> {
    if (this.#isReady(frame)) {
      const { width, height } = into;
      const half = width / 2;
      const uStart = width * height;
      await frame.copyTo(into.data, {
        layout: [
          { offset: 0, stride: width },
          { offset: uStart, stride: half },
          { offset: uStart + uStart / 4, stride: half },
        ],
      });
      return;
    }
    const { width, height } = frame.visibleRect;
    const rgba = new Uint8ClampedArray(width * height * 4);
    await frame.copyTo(new Uint8Array(rgba.buffer), { format: "RGBA" });
    into.data.set(this.#fit(rgba, width, height).data);
  }

  /** The usual case costs one copy: the same size, upright, and colours as ours. */
  #isReady({ format, visibleRect, codedWidth, codedHeight, colorSpace }: VideoFrame): boolean {
    const { width, height } = this.#frame;
    const isSameSize = visibleRect.width === width && visibleRect.height === height;
    const isWhole = codedWidth === width && codedHeight === height;
    const isOurs = colorSpace.matrix === "bt709" || (colorSpace.matrix === null && height >= HD_HEIGHT);
    return (
      format === "I420" && isSameSize && isWhole && isOurs && colorSpace.fullRange !== true && this.#rotation === 0
    );
  }

  #fit(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Picture {
    const { createCanvas, ImageData } = this.#canvas;
    const source = createCanvas(width, height);
    source.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
    const { width: toWidth, height: toHeight } = this.#frame;
    const context = createCanvas(toWidth, toHeight).getContext("2d");
    const isTurned = this.#rotation % 2 === 1;
    const upright = isTurned ? { width: height, height: width } : { width, height };
    const fitted = fitInto(upright, this.#frame);
    const [drawnWidth, drawnHeight] = isTurned ? [fitted.height, fitted.width] : [fitted.width, fitted.height];
    context.translate(toWidth / 2, toHeight / 2);
    context.rotate((this.#rotation * Math.PI) / 2);
    context.drawImage(source, -drawnWidth / 2, -drawnHeight / 2, drawnWidth, drawnHeight);
    return toPicture(context.getImageData(0, 0, toWidth, toHeight).data, toWidth, toHeight);
  }
}
