import type { LoadedProject } from "../load-project.ts";
import { type CanvasModule, loadCanvas } from "../paint/load-canvas.ts";
import { type Picture, toPicture } from "../paint/planes.ts";
import { loadPicture } from "./load-picture.ts";
import { VideoBackground } from "./video-background.ts";

/** What lies behind the words. */
export interface Background {
  /**
   * The picture at a time; times never go back. It holds until the next call.
   * `isNew` tells whether it differs from that of the call before.
   */
  at(timeMs: number): Promise<{ readonly picture: Picture; readonly isNew: boolean }>;
  /** Goes to a time before the first picture is asked for, so that what comes before need not be read. */
  seek(timeMs: number): Promise<void>;
  close(): void;
}

/**
 * Opens the background of a project.
 *
 * @throws {NoRetryError} `INVALID_BACKGROUND` for a file that is not what it should be.
 */
export async function openBackground({ project, files }: LoadedProject): Promise<Background> {
  const canvas = await loadCanvas();
  const { background, video } = project;
  if (background.type === "video")
    return await VideoBackground.open(files.backgroundVideo ?? "", video, background.loop);
  if (background.type === "image") {
    return new StillBackground(
      await loadPicture(canvas, files.backgroundImage ?? "", { ...video, fit: background.fit }),
    );
  }
  return new StillBackground(paintBackground(canvas, background, video));
}

class StillBackground implements Background {
  readonly #picture: Picture;
  #isNew = true;

  constructor(picture: Picture) {
    this.#picture = picture;
  }

  at(): Promise<{ readonly picture: Picture; readonly isNew: boolean }> {
    const isNew = this.#isNew;
    this.#isNew = false;
    return Promise.resolve({ picture: this.#picture, isNew });
  }

  seek(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

type Painted = Extract<LoadedProject["project"]["background"], { readonly type: "color" | "gradient" }>;

function paintBackground(
  { createCanvas }: CanvasModule,
  background: Painted,
  { width, height }: { readonly width: number; readonly height: number },
): Picture {
  const context = createCanvas(width, height).getContext("2d");
  // A colour that lets something through lets black through.
  context.fillStyle = "#000000";
  context.fillRect(0, 0, width, height);
  if (background.type === "color") context.fillStyle = background.color;
  else {
    // As CSS does: the line through the middle is so long that the corners get the pure colours.
    const radians = (background.angle * Math.PI) / 180;
    const [x, y] = [Math.sin(radians), -Math.cos(radians)];
    const half = (Math.abs(width * x) + Math.abs(height * y)) / 2;
    const [middleX, middleY] = [width / 2, height / 2];
    const gradient = context.createLinearGradient(
      middleX - x * half,
      middleY - y * half,
      middleX + x * half,
      middleY + y * half,
    );
    gradient.addColorStop(0, background.from);
    gradient.addColorStop(1, background.to);
    context.fillStyle = gradient;
  }
  context.fillRect(0, 0, width, height);
  return toPicture(context.getImageData(0, 0, width, height).data, width, height);
}
