import { describe, expect, test } from "vitest";
import { sniffContainer } from "../media/container.ts";
import { ffmpegArguments } from "./ffmpeg-encoder.ts";
import { fileStream, type Written } from "./file-target.ts";
import { h264Codec } from "./h264-codec.ts";
import { Pacer } from "./pacer.ts";

describe("Pacer", () => {
  test("owes the time that was used beyond its processors, and saves up none for long", () => {
    let now = 0;
    let used = 0;
    const pacer = new Pacer(1, { now: () => now, usedMs: () => used });
    now = 100;
    used = 150;
    expect(pacer.debtMs).toBe(50);
    now = 150;
    expect(pacer.debtMs).toBe(0);
    now = 10_000;
    expect(pacer.debtMs).toBe(0);
    used += 100;
    expect(pacer.debtMs).toBe(100);
  });
});

describe("fileStream", () => {
  /** A file on a disk with so many bytes left, that writes at most 3 at once. */
  function smallDisk(room: number) {
    const content = new Uint8Array(room);
    let left = room;
    let closed = 0;
    const write = async (data: Uint8Array, from: number, length: number, position: number) => {
      if (left === 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "write" });
      const bytesWritten = Math.min(3, left, length);
      content.set(data.subarray(from, from + bytesWritten), position);
      left -= bytesWritten;
      return { bytesWritten, buffer: data };
    };
    const file = { write, close: async () => void closed++ } as Written;
    return { content, closed: () => closed, stream: fileStream("a.mp4", async () => file) };
  }
  const chunk = (text: string, position: number) => ({ type: "write", data: Buffer.from(text), position }) as const;

  test("writes what a disk takes in parts as a whole", async () => {
    const { content, closed, stream } = smallDisk(10);
    const writer = stream.getWriter();
    await writer.write(chunk("lo wo", 3));
    await writer.write(chunk("hel", 0));
    await writer.close();
    expect([Buffer.from(content).toString(), closed()]).toEqual(["hello wo\0\0", 1]);
  });

  test("tells of a disk that takes only a part, and closes the file", async () => {
    const { closed, stream } = smallDisk(4);
    await expect(stream.getWriter().write(chunk("hello", 0))).rejects.toMatchObject({ code: "ENOSPC" });
    expect(closed()).toBe(1);
  });
});

describe("h264Codec", () => {
  test("names the lowest level that holds the pictures", () => {
    expect(h264Codec({ width: 320, height: 180, fps: 30 })).toBe("avc1.64001e");
    expect(h264Codec({ width: 1_280, height: 720, fps: 30 })).toBe("avc1.64001f");
    expect(h264Codec({ width: 1_920, height: 1_080, fps: 60 })).toBe("avc1.64002a");
    expect(h264Codec({ width: 4_096, height: 4_096, fps: 120 })).toBe("avc1.64003d");
  });
});

describe("ffmpegArguments", () => {
  const task = { width: 320, height: 180, fps: 30, frames: 60, threads: 1, onEncoded() {} };

  test("every input has its format, and nothing but files and the pipe may be opened", () => {
    const words = ffmpegArguments({ ...task, path: "-o.mp4", audio: "http://evil/a.mp3" }, "mp3");
    const inputs = words.flatMap((word, index) => (word === "-i" ? [index] : []));
    expect(inputs.map((index) => words[index + 1])).toEqual(["pipe:0", "file:http://evil/a.mp3"]);
    expect(words.filter((word) => word === "-protocol_whitelist")).toHaveLength(2);
    expect(words.filter((word) => word === "-f")).toHaveLength(3);
    expect(words).toContain("-nostdin");
    expect(words.at(-1)).toBe("file:-o.mp4");
    expect(words[words.indexOf("-threads") + 1]).toBe("1");
  });
});

describe("sniffContainer", () => {
  test("tells files by their content, and no playlist is one", () => {
    const of = (text: string): string | null => sniffContainer(Buffer.from(text, "latin1"));
    expect(of("\0\0\0\x20ftypisom")).toBe("mp4");
    expect(of("\x1aE\xdf\xa3")).toBe("webm");
    expect(of("RIFF\0\0\0\0WAVEfmt ")).toBe("wav");
    expect(of("OggS")).toBe("ogg");
    expect(of("ID3\x04")).toBe("mp3");
    expect(of("\xff\xfb\x90")).toBe("mp3");
    expect(of("\xff\xf1\x50")).toBe("adts");
    for (const text of ["", "#EXTM3U\n", "ffconcat version 1.0", "RIFF\0\0\0\0AVI ", "\xff\xd8\xff"]) {
      expect(of(text)).toBeNull();
    }
  });
});
