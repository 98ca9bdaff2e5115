import fc from "fast-check";
import { expect, test } from "vitest";
import { Refusal } from "../problems.ts";
import { boundaryIn, readParts } from "./multipart.ts";

const BOUNDARY = "b";

async function* inChunks(data: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < data.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    yield data.subarray(at, end);
    at = end;
  }
}

async function read(data: Buffer, sizes: readonly number[]) {
  const parts: { name: string; filename: string | null; content: string }[] = [];
  for await (const { name, filename, body } of readParts(inChunks(data, sizes), BOUNDARY)) {
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece);
    parts.push({ name, filename, content: Buffer.concat(pieces).toString("latin1") });
  }
  return parts;
}

function formOf(
  parts: readonly { readonly name: string; readonly filename: string | null; readonly content: string }[],
): Buffer {
  const texts = parts.map(({ name, filename, content }) => {
    const file = filename === null ? "" : `; filename="${filename}"`;
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
  });
  return Buffer.from(`${texts.join("")}--${BOUNDARY}--\r\n`, "latin1");
}

/** Contents that are nearly boundaries. */
const content = fc
  .array(fc.constantFrom("\r", "\n", "-", "--", "\r\n", "\r\n-", "\r\n--", "a", "\0", "\xff", "x".repeat(50)), {
    maxLength: 20,
  })
  .map((pieces) => pieces.join(""))
  .filter((text) => !`\r\n${text}\r\n`.includes(`\r\n--${BOUNDARY}`));
const part = fc.record({
  name: fc.constantFrom("files", "other", "a b"),
  filename: fc.option(fc.constantFrom("a.png", "", "x;y=z.png"), { nil: null }),
  content,
});
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

test("a form is read the same in whatever chunks it comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 4 }), sizes, async (parts, chunks) => {
      expect(await read(formOf(parts), chunks)).toEqual(parts);
    }),
    { numRuns: 300 },
  );
});

test("a form that is cut off or changed is refused or read, and never anything else", async () => {
  const harmed = fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(255), fc.boolean());
  await fc.assert(
    fc.asyncProperty(harmed, sizes, async ([parts, where, byte, isCut], chunks) => {
      const whole = formOf(parts);
      const at = where % (whole.length - 2);
      const data = isCut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!isCut) data[at] = byte;
      const outcome = await read(data, chunks).catch((error: unknown) => error);
      if (isCut && at < whole.length - 4) expect(outcome).toBeInstanceOf(Refusal);
      else expect(Array.isArray(outcome) || outcome instanceof Refusal).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("what a part holds is given out as it comes, whoever does not want it", async () => {
  const parts = [1, 2, 3].map((index) => ({ name: "files", filename: `${index}.png`, content: "y".repeat(1_000) }));
  const seen: string[] = [];
  for await (const { filename } of readParts(inChunks(formOf(parts), [64]), BOUNDARY)) seen.push(filename ?? "");
  expect(seen).toEqual(["1.png", "2.png", "3.png"]);
});

test.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['Multipart/Form-Data; charset=utf-8; Boundary="a b:c"', "a b:c"],
  ["multipart/form-data;boundary=x;a=b", "x"],
  ["multipart/form-database; boundary=x", null],
  ["application/json", null],
  [undefined, null],
])("the boundary in %s", (type, boundary) => {
  expect(boundaryIn(type)).toBe(boundary);
});

test.each(["", "; boundary=", '; boundary="a', "; boundary=a\u00e9", `; boundary=${"x".repeat(71)}`, "; boundary=a b"])(
  "multipart/form-data%s has no boundary",
  (rest) => {
    expect(() => boundaryIn(`multipart/form-data${rest}`)).toThrow(Refusal);
  },
);
