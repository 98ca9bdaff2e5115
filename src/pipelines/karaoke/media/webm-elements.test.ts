import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hasSaneElements } from "./webm-elements.ts";

const folder = mkdtempSync(join(tmpdir(), "milepost-webm-"));
afterAll(() => rmSync(folder, { recursive: true }));

const element = (id: string, size: string, content = ""): string => id + size + content;
const EBML = element("1a45dfa3", "81", "00");
const INFO = element("1549a966", "4002", "0000");
const TRACKS = element("1654ae6b", "0800000002", "0000");
const CLUSTER = element("1f43b675", "82", "0000");
const OPEN_CLUSTER = element("1f43b675", "ff", "e78100a38100a38100");
const OPEN_SEGMENT = "1853806701ffffffffffffff";
const JUNK = "ff".repeat(20);

test.each([
  ["a whole file", EBML + element("18538067", "8e", INFO + CLUSTER), true],
  ["a segment without an end", EBML + OPEN_SEGMENT + INFO + TRACKS + CLUSTER, true],
  ["clusters without an end", EBML + OPEN_SEGMENT + INFO + OPEN_CLUSTER + OPEN_CLUSTER + CLUSTER, true],
  ["a file that was cut off", EBML + OPEN_SEGMENT + INFO + element("1f43b675", "4fff", "00".repeat(40)), true],
  ["room to spare", EBML + OPEN_SEGMENT + element("ec", "88", "00".repeat(8)) + CLUSTER, true],
  ["padding behind the segment", EBML + element("18538067", "8e", INFO + CLUSTER) + "00".repeat(30), true],
  ["a few bytes of junk at the end", EBML + OPEN_SEGMENT + CLUSTER + JUNK.slice(0, 14), true],
  ["junk at the end", EBML + OPEN_SEGMENT + CLUSTER + JUNK, false],
  ["zeros at the end", EBML + OPEN_SEGMENT + CLUSTER + "00".repeat(30), false],
  ["junk first", EBML + OPEN_SEGMENT + JUNK + CLUSTER, false],
  ["segments in segments", EBML + OPEN_SEGMENT.repeat(9), false],
  ["junk in a cluster without an end", EBML + OPEN_SEGMENT + OPEN_CLUSTER + "00".repeat(30), false],
])("%s", async (name, hex, isSane) => {
  const path = join(folder, name);
  const data = Buffer.from(hex, "hex");
  writeFileSync(path, data);
  expect(await hasSaneElements(path, data.length)).toBe(isSane);
});
