import { expect, test } from "vitest";
import { cleanText } from "./clean-text.ts";

test("lines of scripts without spaces go on without one, those of others with one, and paragraphs stay apart", () => {
  expect(cleanText("手紙の\r\n隧道。 \n 橋 abc\n隧道 x\ny", "wrapped")).toBe("手紙の隧道。橋 abc 隧道 x y");
  expect(cleanText("手紙の\n隧道\n\n橋", "paragraphs")).toBe("手紙の隧道\n橋");
  expect(cleanText("กระดาษ\nสีขาว", "wrapped")).toBe("กระดาษสีขาว");
});

test("a flood of marks or of blank lines costs no more than any other text", () => {
  const flood = `川${"\u0301".repeat(100_000)}\n${"川\n".repeat(50_000)}${"\n".repeat(100_000)}x`;
  expect(cleanText(flood, "wrapped")).toHaveLength(150_004);
});
