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
const CLUSTER = element("1f43b675", "82", "ec80");
const OPEN_CLUSTER = element("1f43b675", "ff", "e78100a38100a38100");
const OPEN_SEGMENT = "1853806701ffffffffffffff";
const JUNK = "ff".repeat(20);

test.each([
  ["a whole file", EBML + element("18538067", "8e", INFO + CLUSTER), true],
  ["a segment without an end", EBML + OPEN_SEGMENT + INFO + TRACKS + CLUSTER, true],
  ["clusters without an end", EBML + OPEN_SEGMENT + INFO + OPEN_CLUSTER + OPEN_CLUSTER + CLUSTER, true],
  ["a file that was cut off", EBML + OPEN_SEGMENT + INFO + element("1f43b675", "4fff", "00".repeat(40)), true],
  ["room to spare", EBML + OPEN_SEGMENT + element("ec", "88", "00".repeat(8)) + CLUSTER, true],
  [
    "room to spare in clusters",
    EBML + OPEN_SEGMENT + element("1f43b675", "84", "ec82ffff") + OPEN_CLUSTER + element("ec", "82", "ffff"),
    true,
  ],
  ["padding behind the segment", EBML + element("18538067", "8e", INFO + CLUSTER) + "00".repeat(30), true],
  ["a few bytes of junk at the end", EBML + OPEN_SEGMENT + CLUSTER + JUNK.slice(0, 14), true],
  ["junk at the end", EBML + OPEN_SEGMENT + CLUSTER + JUNK, false],
  ["zeros at the end", EBML + OPEN_SEGMENT + CLUSTER + "00".repeat(30), false],
  ["junk first", EBML + OPEN_SEGMENT + JUNK + CLUSTER, false],
  ["segments in segments", EBML + OPEN_SEGMENT.repeat(9), false],
  ["junk in a cluster without an end", EBML + OPEN_SEGMENT + OPEN_CLUSTER + "00".repeat(30), false],
  ["junk in a cluster", EBML + OPEN_SEGMENT + element("1f43b675", "96", `a38100${"00".repeat(19)}`), false],
  ["an element that reaches out of a cluster", EBML + OPEN_SEGMENT + element("1f43b675", "82", "a388") + JUNK, false],
  ["a byte too many in a cluster", EBML + OPEN_SEGMENT + element("1f43b675", "84", "a3810000") + CLUSTER, false],
  [
    "junk in a cluster behind its segment",
    EBML + element("18538067", "85", INFO) + element("1f43b675", "88", "00".repeat(8)) + CLUSTER,
    false,
  ],
  [
    "junk behind what ended a cluster",
    EBML + OPEN_SEGMENT + element("1f43b675", "a0", `a38100${INFO}${JUNK}`) + CLUSTER + CLUSTER,
    false,
  ],
  ["a cluster that holds the next", EBML + OPEN_SEGMENT + element("1f43b675", "88", `ec80${CLUSTER}`) + CLUSTER, true],
])("%s", (name, hex, isSane) => {
  const path = join(folder, name);
  const data = Buffer.from(hex, "hex");
  writeFileSync(path, data);
  expect(hasSaneElements(path, data.length)).toBe(isSane);
});
