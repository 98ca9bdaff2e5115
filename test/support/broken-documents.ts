import { deflateRawSync, deflateSync } from "node:zlib";
import { makeDocx, makePdf, makeZip } from "./make-documents.ts";

/** A PDF of plain objects; `objects[0]` is number 1, the catalogue. */
export function rawPdf(objects: readonly (string | Buffer)[], xref: "sound" | "broken" | "looping" = "sound"): Buffer {
  const parts: Buffer[] = [Buffer.from("%PDF-1.7\n")];
  const offsets: number[] = [];
  let length = parts[0]?.length ?? 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    length += part.length;
  };
  for (const [index, object] of objects.entries()) {
    offsets.push(length);
    push(Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from("\nendobj\n")]));
  }
  const start = xref === "broken" ? 7 : length;
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const previous = xref === "looping" ? ` /Prev ${length}` : "";
  push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R${previous} >>\nstartxref\n${start}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

function stream(content: Buffer, filter: string): Buffer {
  return Buffer.concat([
    Buffer.from(`<< /Length ${content.length} ${filter} >>\nstream\n`),
    content,
    Buffer.from("\nendstream"),
  ]);
}

const CATALOGUE = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
const page = (box: string, more = ""): string => `<< /Type /Page /Parent 2 0 R /MediaBox ${box} ${more} >>`;
const A5 = "[0 0 420 595]";

/** A page that is 100,000 times the same line, by forms that each call the next one ten times: seconds of work in a small file. */
export function busyPdf(levels = 6): Buffer {
  const form = (content: string, resources = ""): Buffer =>
    stream(Buffer.from(content), `/Type /XObject /Subtype /Form /BBox [0 0 9 9] ${resources}`);
  const calls = Array.from({ length: levels - 1 }, (_, at) =>
    form("/A Do ".repeat(10), `/Resources << /XObject << /A ${6 + at} 0 R >> >>`),
  );
  const contents = "/Contents 4 0 R /Resources << /XObject << /A 5 0 R >> >>";
  const first = stream(Buffer.from("/A Do"), "");
  return rawPdf([CATALOGUE, PAGES, page(A5, contents), first, ...calls, form("0 0 m 9 9 l S")]);
}

/** What is wrong with each, and how it must end: a code, or `completed` where a reader may well make something of it. */
export interface BrokenDocument {
  readonly bytes: Buffer;
  readonly ends: readonly string[];
}

export async function brokenDocuments(): Promise<Readonly<Record<string, BrokenDocument>>> {
  const { bytes: sound } = await makePdf({ seed: 1, pages: 3 });
  const { bytes: encrypted } = await makePdf({ seed: 2, pages: 1, password: "secret" });
  const docx = await makeDocx(["A paragraph."]);
  const bomb = deflateSync(Buffer.alloc(100_000_000, "0 0 m 1 1 l S "), { level: 9 });
  const twice = deflateSync(deflateSync(Buffer.alloc(300_000_000), { level: 9 }), { level: 9 });
  const zeros = await makeZip({ "[Content_Types].xml": "x", "word/document.xml": Buffer.alloc(200_000_000, "<w:p/>") });
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const invalid = ["INVALID_DOCUMENT"];
  const either = ["INVALID_DOCUMENT", "completed"];
  return {
    "cut.pdf": { bytes: sound.subarray(0, 700), ends: invalid },
    "header.pdf": { bytes: Buffer.from("%PDF-1.7\n"), ends: invalid },
    "noise.pdf": { bytes: Buffer.concat([Buffer.from("%PDF-1.7\n"), deflateRawSync(sound)]), ends: invalid },
    "holes.pdf": { bytes: Buffer.from(sound).fill(0, 900, 2_000), ends: either },
    "xref.pdf": { bytes: rawPdf([CATALOGUE, PAGES, page(A5)], "broken"), ends: either },
    "xref-loop.pdf": { bytes: rawPdf([CATALOGUE, PAGES, page(A5)], "looping"), ends: either },
    "page-loop.pdf": {
      bytes: rawPdf([CATALOGUE, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]),
      ends: ["INVALID_DOCUMENT", "EMPTY_DOCUMENT"],
    },
    "form-loop.pdf": {
      bytes: rawPdf([
        CATALOGUE,
        PAGES,
        page(A5, "/Contents 4 0 R /Resources << /XObject << /A 5 0 R >> >>"),
        stream(Buffer.from("/A Do"), ""),
        stream(
          Buffer.from("/A Do /A Do"),
          "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /A 5 0 R >> >>",
        ),
      ]),
      ends: [...either, "DOCUMENT_TOO_LARGE"],
    },
    "no-pages.pdf": {
      bytes: rawPdf([CATALOGUE, "<< /Type /Pages /Kids [] /Count 0 >>"]),
      ends: ["EMPTY_DOCUMENT", "INVALID_DOCUMENT"],
    },
    "many-pages.pdf": {
      bytes: rawPdf([CATALOGUE, `<< /Type /Pages /Kids [${"3 0 R ".repeat(6_000)}] /Count 6000 >>`, page(A5)]),
      ends: ["DOCUMENT_TOO_LARGE"],
    },
    "media-box.pdf": { bytes: rawPdf([CATALOGUE, PAGES, page("[0 0 900000 900000]")]), ends: ["DOCUMENT_TOO_LARGE"] },
    "media-box-nan.pdf": {
      bytes: rawPdf([CATALOGUE, PAGES, page("[0 0 1e99 -5]")]),
      ends: [...either, "DOCUMENT_TOO_LARGE"],
    },
    "deep.pdf": { bytes: rawPdf([CATALOGUE, PAGES, page(A5, `/Deep ${deep}`)]), ends: either },
    "flate-bomb.pdf": {
      bytes: rawPdf([CATALOGUE, PAGES, page(A5, "/Contents 4 0 R"), stream(bomb, "/Filter /FlateDecode")]),
      ends: [...either, "DOCUMENT_TOO_LARGE"],
    },
    "flate-twice.pdf": {
      bytes: rawPdf([
        CATALOGUE,
        PAGES,
        page(A5, "/Contents 4 0 R"),
        stream(twice, "/Filter [/FlateDecode /FlateDecode]"),
      ]),
      ends: [...either, "DOCUMENT_TOO_LARGE"],
    },
    "script.pdf": {
      bytes: rawPdf([
        "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (while\\(true\\){}) >> >>",
        PAGES,
        page(A5, "/AA << /O << /S /URI /URI (http://127.0.0.1:9/) >> >>"),
      ]),
      ends: ["completed"],
    },
    "encrypted.pdf": { bytes: encrypted, ends: ["ENCRYPTED_DOCUMENT"] },
    "empty.pdf": { bytes: Buffer.alloc(0), ends: ["EMPTY_DOCUMENT"] },
    "cut.docx": { bytes: docx.subarray(0, docx.length - 40), ends: invalid },
    "xml.docx": {
      bytes: await makeZip({ "[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document" }),
      ends: [...invalid, "EMPTY_DOCUMENT"],
    },
    "entity.docx": {
      bytes: await makeZip({
        "[Content_Types].xml": "<Types/>",
        "word/document.xml":
          '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><w:document xmlns:w="w"><w:body>&x;</w:body></w:document>',
      }),
      ends: invalid,
    },
    "bomb.docx": { bytes: zeros, ends: ["DOCUMENT_TOO_LARGE"] },
    "other.docx": { bytes: await makeZip({ "a.txt": "a" }), ends: ["UNSUPPORTED_DOCUMENT"] },
    "blank.md": { bytes: Buffer.from("<!-- nothing -->\n\n<script>1</script>"), ends: ["EMPTY_DOCUMENT"] },
    "nested.html": { bytes: Buffer.from(`<html>${"<div><b>".repeat(200_000)}deep`), ends: invalid },
    "unclosed.html": {
      bytes: Buffer.from(`<html>${"<p>word <br><img src=//127.0.0.1:9/> ".repeat(20_000)}`),
      ends: ["completed"],
    },
    "deep.html": { bytes: Buffer.from(`<html>${"<div>".repeat(4_000)}deep`), ends: ["completed"] },
    "nested.md": {
      bytes: Buffer.from(`# deep\n\n${"> ".repeat(5_000)}word ${"[".repeat(5_000)}`),
      ends: ["completed", ...invalid],
    },
    "program.txt": { bytes: Buffer.from("\x7fELF\0\0\0\x01"), ends: ["UNSUPPORTED_DOCUMENT"] },
    "old.doc": {
      bytes: Buffer.from("d0cf11e0a1b11ae10000000000000000", "hex"),
      ends: ["UNSUPPORTED_DOCUMENT"],
    },
    "locked.docx": {
      bytes: Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.from("EncryptedPackage", "utf16le")]),
      ends: ["ENCRYPTED_DOCUMENT"],
    },
  };
}
