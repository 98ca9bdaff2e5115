import { z } from "zod";
import { isStorableText } from "../../core/json.ts";

/** `#rgb`, `#rgba`, `#rrggbb` or `#rrggbbaa`. */
export const colorSchema = z
  .string()
  .regex(
    /^#(?:[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})$/i,
    "must be a colour like #fff, #1a2b3c or, with opacity, #1a2b3c80",
  );

/** H.264 pictures of 4:2:0 have even sides. */
const side = z.int().min(16).max(4_096).multipleOf(2);

/** The picture of a project. */
export const videoSchema = z.strictObject({
  width: side.default(1_280).describe("Pixels; even"),
  height: side.default(720).describe("Pixels; even"),
  fps: z.number().min(1).max(120).default(30).describe("Frames a second; 23.976 and the like are taken as they are"),
});

const fontName = z.string().min(1).max(4_096).refine(isStorableText, "must hold no NUL and no lone surrogate");

/** The words of a project. */
export const styleSchema = z.strictObject({
  font: z
    .union([fontName, z.array(fontName).min(1).max(16)], "must be a name or a list of 1 to 16 names")
    .optional()
    .describe("Families or font files (.ttf, .otf, .ttc, .woff, .woff2), the best first; else what is there"),
  fontSize: z.number().min(0.01).max(0.5).default(0.08).describe("Part of the picture's height"),
  color: colorSchema.default("#ffffff").describe("Of what is still to be sung"),
  sungColor: colorSchema.default("#ffd23f").describe("Of what was sung"),
  singers: z
    .record(z.string().min(1).max(500), colorSchema)
    .default({})
    .describe("By the name of who sings a line, the colour of what was sung of it instead"),
  outlineColor: colorSchema.default("#000000").describe("Of the letters' outline"),
  outlineWidth: z.number().min(0).max(0.5).default(0.08).describe("Part of the font's size; 0: none"),
  lines: z.int().min(1).max(8).default(3).describe("Lines shown at once"),
  position: z.enum(["top", "middle", "bottom"]).default("middle").describe("Where the lines stand"),
  align: z.enum(["start", "center", "end"]).default("center").describe("Start is right where a line runs to the left"),
  fill: z.enum(["sweep", "word"]).default("sweep").describe("Words fill as they are sung, or change at their start"),
  leadIn: z
    .number()
    .min(0)
    .max(10)
    .default(3)
    .describe("Seconds of countdown dots before a line that follows a silence; 0: none"),
  fadeMs: z.int().min(0).max(5_000).default(200).describe("Milliseconds in which lines appear and go"),
});

export type Style = z.output<typeof styleSchema>;
