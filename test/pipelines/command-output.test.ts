import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputProgress } from "../../src/pipelines/command/output-progress.ts";
import { OutputSplitter } from "../../src/pipelines/command/output-splitter.ts";
import { OutputTail } from "../../src/pipelines/command/output-tail.ts";

/** What a program is taken to have reported by printing these pieces. */
function reportsOf(pieces: readonly string[], stderr: readonly string[] = []): readonly string[] {
  const reports: string[] = [];
  const progress = new OutputProgress({
    signal: new AbortController().signal,
    stage: (name) => void reports.push(name),
    cached: () => void reports.push("cached"),
    message: (text) => void reports.push(`"${text}"`),
    progress: (done, total, unit) => void reports.push(`${done}/${total}${unit}`),
  });
  for (const piece of stderr) progress.add("stderr", Buffer.from(piece));
  for (const piece of pieces) progress.add("stdout", Buffer.from(piece));
  return reports;
}

describe("progress in output", () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ["JSON", ['{"progress":0.5}\n', '{"progress":1}\n'], ["50/100%", "100/100%"]],
    ["JSON with more", ['{"progress":0.25,"stage":"read","message":"page 2"}\n'], ["read", '"page 2"', "25/100%"]],
    ["JSON that is something else", ['{"progress":"half"}\n{"progress":2}\n{broken\n[1]\n'], []],
    ["JSON of what was there already", ['{"cached":true}\n', '{"cached":"yes"}\n'], ["cached"]],
    ["percent", ["10%\n", "50.5 %\n"], ["10/100%", "50.5/100%"]],
    ["percent inside a line, the last one", ["file 3 of 9: 20%, all: 33% done\n"], ["33/100%"]],
    ["what is no percentage", ["120%\n1.2.50%\nfoo%bar\n50%off\n100 of 200\n"], []],
    ["a line in pieces", ["4", "2", "%", "\n"], ["42/100%"]],
    ["a line that has not ended", ["1%\n9", "9%"], ["1/100%"]],
    ["carriage returns, as curl", ["\r###    12.5%", "\r#####  60.0%\r"], ["12.5/100%", "60/100%"]],
    ["rsync", ["\r    1,238,099  45%  146.38kB/s    0:00:08\r"], ["45/100%"]],
    ["wget", ["    50K .......... .......... 98% 1.2M 0s\n"], ["98/100%"]],
  ])("%s", (_name, pieces, expected) => expect(reportsOf(pieces)).toEqual(expected));

  it("reads stderr too, apart from stdout", () => {
    expect(reportsOf(["0%\n"], ["5"])).toEqual(["0/100%"]);
    expect(reportsOf([], ["55%\n"])).toEqual(["55/100%"]);
  });

  it("reads ffmpeg's blocks against the longest duration of its inputs", () => {
    const banner = [
      "Input #0, mp3, from 'a.mp3':\n  Duration: 00:00:05.00, start: 0.000000, bitrate: 128 kb/s\n",
      "Input #1, mov, from 'b.mov':\n  Duration: 01:00:10.50, start: 0.000000, bitrate: 128 kb/s\n",
    ];
    const block = (time: string, end: string): string => `frame=1\n${time}\nprogress=${end}\n`;
    const blocks = [
      block("out_time_us=N/A\nout_time_ms=N/A\nout_time=N/A", "continue"),
      block("out_time_us=-20000", "continue"),
      block("out_time_us=1805250000", "continue"),
      block("out_time_ms=2707875000", "continue"),
      block("out_time=00:30:05.250000", "continue"),
      block("out_time_us=9999999999", "continue"),
      block("speed=1x", "end"),
    ];
    expect(reportsOf(blocks, banner)).toEqual(["50/100%", "75/100%", "50/100%", "100/100%", "100/100%"]);
    expect(reportsOf([block("out_time_us=5", "continue")])).toEqual([]);
  });

  it("does not hold on to lines without an end", () => {
    const long = "x".repeat(100_000);
    expect(reportsOf([long, long, "\n", "7%\n"])).toEqual(["7/100%"]);
  });
});

describe("the kept end of output", () => {
  it("is the last bytes, however they came", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40 })), fc.integer({ min: 1, max: 50 }), (pieces, bytes) => {
        const tail = new OutputTail(bytes);
        const safe = pieces.map((piece) => piece.replaceAll(/[^\w ]/g, "_"));
        for (const piece of safe) tail.add(Buffer.from(piece));
        expect(tail.text()).toBe(safe.join("").slice(-bytes));
      }),
    );
  });

  it("starts with a whole character and holds no NUL and no escape sequences", () => {
    const tail = new OutputTail(4);
    tail.add(Buffer.from("aé€"));
    expect(tail.text()).toBe("€");
    const colored = new OutputTail(100);
    colored.add(Buffer.from("\u001b[31mred\u001b[0m\0 \u001b]0;title\u0007end"));
    expect(colored.text()).toBe("red end");
  });
});

describe("marks in output", () => {
  it("are found wherever the stream is cut, and output with NUL comes through whole", () => {
    const output = Buffer.from("a\0b\0mark\nlast line without an end\0");
    const stream = Buffer.concat([output, Buffer.from("\0word 130\n")]);
    for (let cut = 0; cut < stream.length; cut++) {
      const splitter = new OutputSplitter("word");
      const first = splitter.add(stream.subarray(0, cut));
      const second = splitter.add(stream.subarray(cut));
      expect([first.status, second.status]).toEqual([null, 130]);
      expect(Buffer.concat([first.output, second.output]).equals(output)).toBe(true);
    }
  });
});
