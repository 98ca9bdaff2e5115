import { readFile, stat } from "node:fs/promises";
import { sizeInHeader } from "../../images/header-size.ts";
import { sniffImage } from "../../images/image-format.ts";
import type { CanvasModule } from "../paint/load-canvas.ts";
import { type Picture, toPicture } from "../paint/planes.ts";
import { reasonOf, renderError } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";

/** How a picture of other sides is put into the frame: it fills it and is cut, or is whole between bars. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly fit: "cover" | "contain";
}

/**
 * Reads a picture file for the background: JPEG, PNG, WebP or GIF (its first picture), told by content.
 *
 * @throws {NoRetryError} `INVALID_BACKGROUND`.
 */
export async function loadPicture(canvas: CanvasModule, path: string, frame: Frame): Promise<Picture> {
  const { size } = await stat(path);
  if (size > RENDER_LIMITS.imageBytes) throw tooLarge(`${size} bytes; at most ${RENDER_LIMITS.imageBytes} are taken`);
  const file = await readFile(path);
  const format = sniffImage(file);
  if (format !== "jpeg" && format !== "png" && format !== "webp" && format !== "gif") {
    throw renderError(
      "INVALID_BACKGROUND",
      "the background picture is not JPEG, PNG, WebP or GIF, whatever its name is",
    );
  }
  // Before it is decoded: a small file can claim to be gigabytes.
  assertPixels(sizeInHeader(format, (at) => file.subarray(at)));
  const image = await canvas.loadImage(file).catch((error: unknown) => {
    throw renderError("INVALID_BACKGROUND", `the background picture is damaged: ${reasonOf(error)}`, error);
  });
  assertPixels(image);
  const context = canvas.createCanvas(frame.width, frame.height).getContext("2d");
  context.fillStyle = "#000000";
  context.fillRect(0, 0, frame.width, frame.height);
  context.imageSmoothingQuality = "high";
  const { left, top, width, height } = fitInto(image, frame);
  context.drawImage(image, left, top, width, height);
  return toPicture(context.getImageData(0, 0, frame.width, frame.height).data, frame.width, frame.height);
}

/** Where a picture is drawn, in pixels of the frame; parts may lie outside. */
export function fitInto(
  picture: { readonly width: number; readonly height: number },
  frame: Frame,
): { readonly left: number; readonly top: number; readonly width: number; readonly height: number } {
  const scales = [frame.width / picture.width, frame.height / picture.height];
  const scale = frame.fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: (frame.width - width) / 2, top: (frame.height - height) / 2, width, height };
}

function assertPixels(size: { readonly width: number; readonly height: number } | null): void {
  if (size === null) return;
  if (size.width === 0 || size.height === 0) throw renderError("INVALID_BACKGROUND", "the background picture is empty");
  if (size.width * size.height > RENDER_LIMITS.imagePixels) {
    throw tooLarge(
      `${size.width} × ${size.height} pixels; at most ${RENDER_LIMITS.imagePixels / 1e6} million are taken`,
    );
  }
}

function tooLarge(what: string): Error {
  return renderError("INVALID_BACKGROUND", `the background picture is too large: ${what}`);
}
