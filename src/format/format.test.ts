import { describe, expect, it } from "vitest";
import { formatBar } from "./bar.ts";
import { formatAfterResume, formatCoarse, formatDuration, formatEstimate, formatRelative } from "./duration.ts";
import { escapeText } from "./escape.ts";
import { formatBytes, formatCount, formatPercent, formatPlural, formatRate } from "./number.ts";
import { formatTable } from "./table.ts";
import { displayWidth, pad, truncate, truncateMiddle } from "./width.ts";

describe("escapeText", () => {
  it("shows what a terminal would obey", () => {
    expect(escapeText("a\nb\r\tc\u001b[31m\u0007\u007f\u009b\0")).toBe("a\\nb\\r\\tc\\e[31m\\x07\\x7f\\x9b\\x00");
  });
  it("shows direction marks, separators, invisible characters and lone surrogates", () => {
    expect(escapeText("x\u202egpj.exe\u2066\u2028\u200b\ufeff\ud800y")).toBe(
      "x\\u{202e}gpj.exe\\u{2066}\\u{2028}\\u{200b}\\u{feff}\\u{d800}y",
    );
  });
  it("leaves readable text of any script alone", () => {
    expect(escapeText("Ünï 写真 🏞 a\\b 'q'")).toBe("Ünï 写真 🏞 a\\b 'q'");
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1234567, "1,234,567"],
    [-12345, "-12,345"],
  ])("counts %d as %s", (count, text) => expect(formatCount(count)).toBe(text));
  it("agrees in number", () => {
    expect(formatPlural(1, "item")).toBe("1 item");
    expect(formatPlural(0, "item")).toBe("0 items");
    expect(formatPlural(2000, "batch", "batches")).toBe("2,000 batches");
  });
  it("never rounds a percent up", () => {
    expect(formatPercent(99.9)).toBe("99%");
    expect(formatPercent(null)).toBe("?%");
  });
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1048575, "1 MiB"],
    [12 * 1048576, "12 MiB"],
    [250.4 * 1048576, "250 MiB"],
  ])("writes %d bytes as %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
  it.each([
    [0, "0 /s"],
    [123.4, "123 /s"],
    [1.44, "1.4 /s"],
    [0.5, "30 /min"],
    [0.002, "7.2 /h"],
  ])("writes a rate of %d as %s", (rate, text) => expect(formatRate(rate)).toBe(text));
});

describe("durations", () => {
  it.each([
    [0, "0 s"],
    [0.44, "0.4 s"],
    [59.4, "59 s"],
    [60, "1 min"],
    [200, "3 min 20 s"],
    [3599.7, "1 h"],
    [7500, "2 h 5 min"],
    [90000, "1 d 1 h"],
  ])("measures %d s as %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));
  it.each([
    [0, "under 10 s"],
    [11, "20 s"],
    [55, "1 min"],
    [181, "4 min"],
    [601, "15 min"],
    [3400, "1 h"],
    [4200, "1 h 10 min"],
    [14401, "5 h"],
    [200000, "3 d"],
  ])("is coarse about %d s: %s", (seconds, text) => expect(formatCoarse(seconds)).toBe(text));
  it.each([
    [1, 2, 3, 50, "a few seconds left"],
    [1, 8, 25, 50, "under 30 s left"],
    [160, 230, 350, 50, "about 4 min left, 3 to 6 min"],
    [5, 15, 100, 50, "about 20 s left, at most 2 min"],
    [40, 70, 110, 50, "about 2 min left"],
    [40, 70, 130, 50, "about 2 min left, 40 s to 3 min"],
    [4_000, 6_000, 9_000, 25, "about 1 h 40 min left, 1 h 10 min to 2 h 30 min"],
    // Early on the range comes first.
    [160, 230, 350, 24, "3 to 6 min left"],
    [160, 230, 350, null, "3 to 6 min left"],
    [190, 230, 235, 3, "about 4 min left"],
    [5, 15, 100, 3, "at most 2 min left"],
    [1, 2, 3, 3, "a few seconds left"],
  ])("says %d, %d, %d s at %s %% as: %s", (low, median, high, percent, text) => {
    expect(formatEstimate({ low, median, high }, percent)).toBe(text);
  });
  it("says what is not known, and what is left after a pause", () => {
    expect(formatEstimate(null, 50)).toBe("time left not known yet");
    expect(formatAfterResume(null)).toBe("");
    expect(formatAfterResume({ low: 160, median: 230, high: 350 })).toBe("about 4 min left after resume, 3 to 6 min");
    expect(formatAfterResume({ low: 1, median: 2, high: 3 })).toBe("a few seconds left after resume");
  });
  it.each([
    [0, "just now"],
    [20_000, "20 s ago"],
    [119_000, "1 min ago"],
    [7_200_000, "2 h ago"],
    [-7_200_000, "in 2 h"],
    [3 * 86_400_000, "3 d ago"],
  ])("relates %d ms as %s", (ago, text) => expect(formatRelative(1e12 - ago, 1e12)).toBe(text));
});

describe("width", () => {
  it("counts columns, not units", () => {
    expect(displayWidth("abc")).toBe(3);
    expect(displayWidth("写真")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("👩‍👩‍👧")).toBe(2);
  });
  it("cuts at characters and says so", () => {
    expect(truncate("abcdef", 6)).toBe("abcdef");
    expect(truncate("abcdef", 4)).toBe("abc…");
    expect(truncate("写真写真", 6)).toBe("写真…");
    expect(truncate("abc", 0)).toBe("");
    expect(truncateMiddle("holiday-photo.jpeg", 10)).toBe("hol…o.jpeg");
    expect(displayWidth(truncateMiddle("写真写真写真.jpeg", 9))).toBeLessThanOrEqual(9);
  });
  it("pads by columns", () => {
    expect(pad("写", 4)).toBe("写  ");
    expect(pad("7", 3, "left")).toBe("  7");
  });
});

describe("bar", () => {
  it("is exactly as wide as asked, full only at 1", () => {
    for (const fraction of [0, 0.01, 0.333, 0.5, 0.999, 1, 2, -1, Number.NaN]) {
      expect(displayWidth(formatBar(fraction, 20))).toBe(20);
      expect(formatBar(fraction, 20, true)).toHaveLength(20);
    }
    expect(formatBar(1, 4)).toBe("████");
    expect(formatBar(0.999, 4)).toBe("███▉");
    expect(formatBar(0.5, 4)).toBe("██░░");
    expect(formatBar(0.999, 4, true)).toBe("###-");
  });
});

describe("table", () => {
  const columns = [
    { title: "NAME", cell: (row: { name: string }) => row.name, isFlexible: true },
    { title: "N", cell: () => "7", align: "right" as const },
  ];
  it("aligns by columns", () => {
    expect(formatTable([{ name: "写真" }, { name: "abcdef" }], columns, null)).toEqual([
      "NAME    N",
      "写真    7",
      "abcdef  7",
    ]);
  });
  it("fits the terminal by cutting the flexible column", () => {
    const lines = formatTable([{ name: "a-very-long-name-of-a-photo.jpeg" }], columns, 20);
    expect(lines.every((line) => displayWidth(line) <= 20)).toBe(true);
    expect(lines[1]).toMatch(/\.jpeg {2}7$/);
  });
});
