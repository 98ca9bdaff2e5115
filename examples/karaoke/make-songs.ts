/** `node examples/karaoke/make-songs.ts [folder]`: songs and projects to try karaoke videos on. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { KaraokeProject } from "../../src/pipelines/karaoke/project.ts";
import { toWav } from "./melody.ts";
import { type SongOptions, songOf, TEXTS, type TextName } from "./songs.ts";
import { toAssLyrics, toJsonLyrics, toLrcLyrics, toPlainLrcLyrics } from "./write-lyrics.ts";

/** The projects that are made; each lies in `<name>.json`. */
const PROJECTS = {
  color: {
    lyrics: "lyrics/latin.json",
    audio: "audio/latin.wav",
    background: { type: "color", color: "#102040" },
  },
  gradient: {
    lyrics: "lyrics/latin.lrc",
    audio: "audio/latin.wav",
    background: { type: "gradient", from: "#3a1c71", to: "#d76d77", angle: 135 },
    style: { fill: "word", position: "bottom" },
  },
  image: {
    lyrics: "lyrics/latin.ass",
    audio: "audio/latin.wav",
    background: { type: "image", path: "background.png" },
  },
  plain: { lyrics: "lyrics/latin.plain.lrc", audio: "audio/latin.wav" },
  arabic: { lyrics: "lyrics/arabic.lrc", audio: "audio/arabic.wav", style: { font: ["Noto Sans Arabic"] } },
  hebrew: { lyrics: "lyrics/hebrew.ass", audio: "audio/hebrew.wav", style: { font: ["Noto Sans Hebrew"] } },
  japanese: { lyrics: "lyrics/japanese.lrc", audio: "audio/japanese.wav", style: { font: ["Noto Sans JP"] } },
  emoji: { lyrics: "lyrics/emoji.json", audio: "audio/emoji.wav", style: { font: ["Noto Sans", "Noto Color Emoji"] } },
} as const satisfies Readonly<Record<string, KaraokeProject>>;

export type ProjectName = keyof typeof PROJECTS;

/**
 * Makes all projects in a folder, and in folders inside it the songs' sound (`audio/<text>.wav`) and words (`lyrics/<text>.json`, `.lrc`,
 * `.plain.lrc`, `.ass`). The same options make the same bytes.
 *
 * @returns the projects' paths
 */
export async function makeSongs(
  folder: string,
  options: SongOptions & { readonly video?: KaraokeProject["video"] } = {},
): Promise<Readonly<Record<ProjectName, string>>> {
  for (const inner of ["audio", "lyrics"]) await mkdir(join(folder, inner), { recursive: true });
  for (const name of Object.keys(TEXTS) as TextName[]) {
    const { lyrics, tones, durationMs } = songOf(name, options);
    await writeFile(join(folder, "audio", `${name}.wav`), toWav(tones, durationMs));
    await writeFile(join(folder, "lyrics", `${name}.json`), toJsonLyrics(lyrics));
    await writeFile(join(folder, "lyrics", `${name}.lrc`), toLrcLyrics(lyrics));
    await writeFile(join(folder, "lyrics", `${name}.plain.lrc`), toPlainLrcLyrics(lyrics));
    await writeFile(join(folder, "lyrics", `${name}.ass`), toAssLyrics(lyrics));
  }
  await writeFile(join(folder, "background.png"), await drawBackground());
  const { video } = options;
  const paths = Object.entries(PROJECTS).map(async ([name, project]) => {
    const path = join(folder, `${name}.json`);
    await writeFile(path, `${JSON.stringify({ ...project, ...(video === undefined ? {} : { video }) }, null, 2)}\n`);
    return [name, path] as const;
  });
  return Object.fromEntries(await Promise.all(paths)) as Record<ProjectName, string>;
}

/** A night over hills, 640 × 360. */
async function drawBackground(): Promise<Buffer> {
  const stars = Array.from({ length: 60 }, (_, index) => {
    const [x, y] = [(index * 197) % 640, (index * 89) % 220];
    return `<circle cx="${x}" cy="${y}" r="${1 + (index % 3) / 2}" fill="#fff"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="360" fill="#0b1238"/>${stars.join("")}<ellipse cx="160" cy="380" rx="320" ry="120" fill="#12331f"/><ellipse cx="520" cy="400" rx="300" ry="150" fill="#0d2817"/></svg>`;
  return await sharp(Buffer.from(svg)).png().toBuffer();
}

if (import.meta.main) {
  const [folder = "demo/songs"] = process.argv.slice(2);
  for (const path of Object.values(await makeSongs(folder))) console.log(path);
}
