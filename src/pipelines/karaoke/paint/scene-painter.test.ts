import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadProject } from "../load-project.ts";
import { blendLayer } from "./blend.ts";
import { familiesFor } from "./fonts.ts";
import { loadCanvas } from "./load-canvas.ts";
import { makePicture, type Picture, toLayer, toPicture, toRgba } from "./planes.ts";
import { ScenePainter } from "./scene-painter.ts";
import { TextPainter } from "./text-painter.ts";

const canvas = await loadCanvas();

const song = await loadProject({
  value: {
    lyrics: {
      lines: ["one ", "two ", "three ", "four "].map((_, index) => ({
        words: ["la", "la ", "lu ", "la"].map((text, word) => ({
          text,
          start: 2 + index + word * 0.2,
          end: 2.2 + index + word * 0.2,
        })),
      })),
    },
    video: { width: 160, height: 90 },
    style: { lines: 2, leadIn: 1, outlineColor: "#00000080", fontSize: 0.2 },
  },
  baseFolder: ".",
});

function painter(): ScenePainter {
  const { css } = familiesFor(canvas, [], "la");
  return new ScenePainter(song.project, song.lyrics, new TextPainter(canvas, css, song.project.style));
}

function noise(seed: number): Picture {
  const picture = makePicture(160, 90);
  picture.data.forEach((_, index) => {
    picture.data[index] = 16 + ((index * 31 + seed * 97) % 200);
  });
  return picture;
}

describe("ScenePainter", () => {
  test("what it draws piece by piece is what it would draw from nothing, and no change is no change", () => {
    const times = fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 7_500 }), seed: fc.integer({ max: 1, min: 0 }) }),
      {
        minLength: 2,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(times, (looks) => {
        const stepwise = painter();
        let lastSeed: number | null = null;
        for (const { at, seed } of looks) {
          const before = Buffer.from(stepwise.picture.data);
          const isChanged = stepwise.draw(at, noise(seed), seed !== lastSeed);
          const fresh = painter();
          fresh.draw(at, noise(seed), true);
          expect(Buffer.compare(stepwise.picture.data, fresh.picture.data)).toBe(0);
          if (!isChanged) expect(Buffer.compare(before, stepwise.picture.data)).toBe(0);
          lastSeed = seed;
        }
      }),
      { numRuns: 30 },
    );
  });

  test("frame by frame, too", () => {
    const stepwise = painter();
    const background = noise(3);
    for (let frame = 0; frame < 225; frame++) {
      stepwise.draw((frame * 1_000) / 30, background, frame === 0);
      if (frame % 15 !== 0) continue;
      const fresh = painter();
      fresh.draw((frame * 1_000) / 30, background, true);
      expect(Buffer.compare(stepwise.picture.data, fresh.picture.data)).toBe(0);
    }
  });
});

describe("colours", () => {
  test("go to BT.709 in limited range and come back", () => {
    for (const [color, yuv] of [
      [
        [255, 255, 255],
        [235, 128, 128],
      ],
      [
        [0, 0, 0],
        [16, 128, 128],
      ],
      [
        [255, 0, 0],
        [63, 102, 240],
      ],
      [
        [0, 255, 0],
        [173, 42, 26],
      ],
      [
        [0, 0, 255],
        [32, 240, 118],
      ],
      [
        [255, 204, 0],
        [188, 33, 159],
      ],
    ] as const) {
      const rgba = Uint8Array.from({ length: 4 * 4 }, (_, index) => color[index % 4] ?? 255);
      const picture = toPicture(rgba, 2, 2);
      expect([picture.data[0], picture.data[4], picture.data[5]]).toEqual(
        yuv.map((value) => expect.closeTo(value, -0.3)),
      );
      const back = [...toRgba(picture).subarray(0, 3)];
      back.forEach((value, index) => {
        expect(Math.abs(value - (color[index] ?? 0))).toBeLessThanOrEqual(3);
      });
    }
  });

  test("an opaque layer hides what is below, a transparent one nothing", () => {
    const white = toLayer(new Uint8Array(16).fill(255), 2, 2);
    const none = toLayer(new Uint8Array(16), 2, 2);
    const area = { left: 0, top: 0, right: 2, bottom: 2 };
    const picture = makePicture(2, 2);
    blendLayer(picture, none, { left: 0, top: 0, area, opacity: 256 });
    expect([...picture.data]).toEqual([16, 16, 16, 16, 128, 128]);
    blendLayer(picture, white, { left: 0, top: 0, area, opacity: 256 });
    expect([...picture.data]).toEqual([235, 235, 235, 235, 128, 128]);
  });
});
