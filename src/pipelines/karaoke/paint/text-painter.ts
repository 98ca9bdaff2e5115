import { dotsSize } from "../scene/dots.ts";
import type { Row } from "../scene/layout.ts";
import type { Style } from "../style.ts";
import type { CanvasModule } from "./load-canvas.ts";
import { type Layer, toLayer } from "./planes.ts";

/** A row in its two colours. */
export interface RowLayers {
  readonly unsung: Layer;
  readonly sung: Layer;
}

type Context = ReturnType<ReturnType<CanvasModule["createCanvas"]>["getContext"]>;

/** Draws words: each row once in either colour, however many frames it is seen in. */
export class TextPainter {
  readonly #canvas: CanvasModule;
  readonly #families: string;
  readonly #style: Style;
  readonly #ruler: Context;
  #rulerSize = 0;

  constructor(canvas: CanvasModule, families: string, style: Style) {
    this.#canvas = canvas;
    this.#families = families;
    this.#style = style;
    this.#ruler = canvas.createCanvas(1, 1).getContext("2d");
  }

  /** The width of a text in pixels. */
  readonly measure = (text: string, fontSize: number): number => {
    if (this.#rulerSize !== fontSize) this.#ruler.font = this.#fontOf(fontSize);
    this.#rulerSize = fontSize;
    return this.#ruler.measureText(text).width;
  };

  /** @param singer of the row's line */
  rowLayers(row: Row, fontSize: number, singer: string | undefined): RowLayers {
    const sung = this.#drawRow(row, fontSize, this.#sungColor(singer));
    return { unsung: this.#drawRow(row, fontSize, this.#style.color), sung };
  }

  /** Dots of a countdown to a line of that singer, side by side. */
  dots(count: number, fontSize: number, singer: string | undefined): Layer {
    const sungColor = this.#sungColor(singer);
    const outline = this.#style.outlineWidth * fontSize;
    const { width, height, radius, step } = dotsSize(count, fontSize, outline);
    return this.#draw(width, height, (context) => {
      for (let dot = 0; dot < count; dot++) {
        const x = radius + outline + 1 + dot * step;
        for (const [fill, size] of [
          [this.#style.outlineColor, radius + outline],
          [sungColor, radius],
        ] as const) {
          context.fillStyle = fill;
          context.beginPath();
          context.arc(x, height / 2, size, 0, 2 * Math.PI);
          context.fill();
        }
      }
    });
  }

  #sungColor(singer: string | undefined): string {
    const { singers, sungColor } = this.#style;
    return singer !== undefined && Object.hasOwn(singers, singer) ? (singers[singer] ?? sungColor) : sungColor;
  }

  #drawRow(row: Row, fontSize: number, color: string): Layer {
    return this.#draw(row.width, row.height, (context) => {
      context.font = this.#fontOf(fontSize);
      context.textAlign = "left";
      const outline = this.#style.outlineWidth * fontSize;
      if (outline > 0) {
        context.strokeStyle = this.#style.outlineColor;
        context.lineWidth = 2 * outline;
        context.lineJoin = "round";
        for (const { text, direction, left } of row.tokens) {
          context.direction = direction;
          context.strokeText(text, left, row.baseline);
        }
      }
      context.fillStyle = color;
      for (const { text, direction, left } of row.tokens) {
        context.direction = direction;
        context.fillText(text, left, row.baseline);
      }
    });
  }

  #draw(width: number, height: number, draw: (context: Context) => void): Layer {
    const context = this.#canvas.createCanvas(width, height).getContext("2d");
    draw(context);
    return toLayer(context.getImageData(0, 0, width, height).data, width, height);
  }

  #fontOf(fontSize: number): string {
    return `bold ${fontSize.toFixed(2)}px ${this.#families}`;
  }
}
