import { expect, test } from "vitest";
import { decodeText } from "./decode-text.ts";

const decode = (bytes: Buffer): string => decodeText(bytes, "song.lrc");
const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, "utf16le");

test.each([
  ["UTF-8", Buffer.from("ä\n世🌙")],
  ["UTF-8 with a mark", Buffer.from("\ufeffä\n世🌙")],
  ["UTF-16, little end first", utf16("ä\n世🌙")],
  ["UTF-16, big end first", utf16("ä\n世🌙").swap16()],
])("%s", (_name, bytes) => {
  expect(decode(bytes)).toBe("ä\n世🌙");
});

test("nothing is nothing", () => {
  expect(decode(Buffer.alloc(0))).toBe("");
});

test.each([
  ["Latin-1", Buffer.from("one\ntwo\nfür", "latin1"), "song.lrc:3: is not UTF-8; save it as UTF-8"],
  [
    "a character cut in half",
    Buffer.concat([Buffer.from("a\nb"), Buffer.from("世").subarray(0, 2)]),
    "song.lrc:2: is not UTF-8; save it as UTF-8",
  ],
  [
    "UTF-16 without a mark",
    Buffer.from("one\ntwo", "utf16le"),
    "song.lrc:1: holds a NUL: it is no text, or UTF-16 without a byte order mark",
  ],
  ["NUL", Buffer.from("one\ntwo\0"), "song.lrc:2: holds a NUL: it is no text, or UTF-16 without a byte order mark"],
  ["UTF-16 with half a character", utf16("a\nb\ud83cc"), "song.lrc:2: is not UTF-16: half a character stands alone"],
  ["UTF-16 of odd length", utf16("ab").subarray(0, 5), "song.lrc: is UTF-16 cut in the middle of a character"],
  [
    "UTF-16, big end first, of odd length",
    utf16("ab").swap16().subarray(0, 5),
    "song.lrc: is UTF-16 cut in the middle of a character",
  ],
])("%s is refused with its line", (_name, bytes, message) => {
  expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message }));
});
