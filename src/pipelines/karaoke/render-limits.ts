/** Bounds of what a video is made of: no project may cost more than these allow. */
export const RENDER_LIMITS = {
  /** A day at the highest rate would be ten million frames; nobody watches that. */
  frames: 2_000_000,
  /** Of a background picture: its file, and what it decodes to. */
  imageBytes: 67_108_864,
  imagePixels: 50_000_000,
  /** Of a background video: its file and a side of its picture. */
  videoBytes: 8_589_934_592,
  videoSide: 4_096,
  audioBytes: 2_147_483_648,
  audioChannels: 8,
  /** Of an Ogg packet: what the file is called may come with a picture. */
  packetBytes: 67_108_864,
  /** Of silence before the first sample of a file that begins late. */
  silenceSamples: 28_800_000,
  /** How long one read or decoding of a file may take. */
  stepMs: 30_000,
  /** Different characters of lyrics that are looked for in the fonts. */
  glyphs: 20_000,
} as const;
