import type { Lyrics } from "../lyrics/lyrics.ts";
import type { Project } from "../project.ts";
import { placeDots } from "../scene/dots.ts";
import { frameKeyOf, type Span, spansOf } from "../scene/fill.ts";
import { layOut, type PageLayout, type Row } from "../scene/layout.ts";
import { type Moment, type Page, Timeline } from "../scene/timeline.ts";
import { blendLayer, copyRectangle } from "./blend.ts";
import { changedAreas, type Item } from "./changed-areas.ts";
import { type Layer, makePicture, type Picture, type Rectangle } from "./planes.ts";
import type { RowLayers, TextPainter } from "./text-painter.ts";

/** A page that was set, with its rows drawn. */
interface DrawnPage {
  readonly layout: PageLayout;
  readonly rows: readonly RowLayers[];
  /** By the line that they count down to and how many are left. */
  readonly dots: Map<string, Layer>;
}

/**
 * Makes the pictures of a video, one after the other in one buffer. What has not changed since the picture before is not touched: from
 * frame to frame that is all but some pixels of the word that is sung.
 */
export class ScenePainter {
  /** What `draw` drew last. */
  readonly picture: Picture;
  readonly #project: Project;
  readonly #timeline: Timeline;
  readonly #text: TextPainter;
  #page: DrawnPage | null = null;
  #key: string | null = null;
  #background: Picture | null = null;
  #items: readonly Item[] = [];

  constructor(project: Project, lyrics: Lyrics, text: TextPainter) {
    const { width, height } = project.video;
    this.picture = makePicture(width, height);
    this.#project = project;
    this.#timeline = new Timeline(lyrics.lines, project.style);
    this.#text = text;
  }

  /**
   * Draws what is to be seen at a time over `background`. Returns whether the picture is another than before.
   *
   * @param isNewBackground whether `background` is not the same, pixel by pixel, as the last time
   */
  draw(timeMs: number, background: Picture, isNewBackground: boolean): boolean {
    const moment = this.#timeline.at(timeMs);
    const page = moment === null ? null : this.#drawnPage(moment.page);
    const spans = page === null ? [] : spansOf(page.layout, timeMs);
    const key = frameKeyOf(moment, spans);
    const isWhole = isNewBackground || this.#background === null;
    if (key === this.#key && !isWhole) return false;
    const items = moment === null || page === null ? [] : this.#itemsOf(moment, page, spans);
    const whole = { left: 0, top: 0, right: this.picture.width, bottom: this.picture.height };
    for (const area of isWhole ? [whole] : changedAreas(this.#items, items)) {
      copyRectangle(background, this.picture, area);
      for (const item of items) this.#drawItem(item, area);
    }
    this.#key = key;
    this.#background = background;
    this.#items = items;
    return true;
  }

  /** Only the page that is shown is kept: memory does not grow with the song. */
  #drawnPage(page: Page): DrawnPage {
    if (this.#page?.layout.page === page) return this.#page;
    const { video, style } = this.#project;
    const fontSize = style.fontSize * video.height;
    const settings = { ...style, ...video, fontSize, outline: style.outlineWidth * fontSize };
    const layout = layOut(page, settings, this.#text.measure);
    const rows = layout.rows.map((row) => this.#text.rowLayers(row, layout.fontSize, page.lines[row.line]?.singer));
    this.#page = { layout, rows, dots: new Map() };
    return this.#page;
  }

  #itemsOf(
    { opacity, countdown, page: { index } }: Moment,
    page: DrawnPage,
    spans: readonly (readonly Span[])[],
  ): Item[] {
    const items = page.layout.rows.flatMap((row, at) => {
      const layers = page.rows[at];
      if (layers === undefined) return [];
      return { id: `${index}/${at}`, area: boxOf(row), opacity, layers, spans: spans[at] ?? [] };
    });
    const row = page.layout.rows.find(({ line }) => line === countdown?.line);
    if (countdown === null || row === undefined) return items;
    const dots = this.#dotsOf(page, countdown.line, countdown.left);
    const all = this.#dotsOf(page, countdown.line, countdown.dots);
    const place = { fontSize: page.layout.fontSize, width: this.picture.width };
    const { left, top } = placeDots(row, { left: dots, all }, place);
    const area = { left, top, right: left + dots.width, bottom: top + dots.height };
    return [
      ...items,
      {
        id: `${index}/dots/${countdown.line}/${countdown.left}`,
        area,
        opacity,
        layers: { unsung: dots, sung: dots },
        spans: [],
      },
    ];
  }

  #dotsOf({ dots, layout }: DrawnPage, line: number, count: number): Layer {
    const key = `${line}/${count}`;
    const known = dots.get(key);
    if (known !== undefined) return known;
    const drawn = this.#text.dots(count, layout.fontSize, layout.page.lines[line]?.singer);
    dots.set(key, drawn);
    return drawn;
  }

  /** What of an item falls into an area, piece by piece in its two colours. */
  #drawItem({ area: box, layers, spans, opacity }: Item, area: Rectangle): void {
    const draw = (layer: Layer, from: number, to: number): void => {
      const piece = { ...area, left: Math.max(area.left, from), right: Math.min(area.right, to) };
      blendLayer(this.picture, layer, { left: box.left, top: box.top, area: piece, opacity });
    };
    let at = box.left;
    for (const { from, to } of spans) {
      draw(layers.unsung, at, box.left + from);
      draw(layers.sung, box.left + from, box.left + to);
      at = box.left + to;
    }
    draw(layers.unsung, at, box.right);
  }
}

function boxOf({ left, top, width, height }: Row): Rectangle {
  return { left, top, right: left + width, bottom: top + height };
}
