import { documentError, reasonOf } from "../document-errors.ts";
import { DOCUMENT_LIMITS } from "../document-limits.ts";
import type { PageImage } from "../embed/embedder.ts";
import { forgetPdfium, loadPdfium, type Pdfium } from "./load-pdfium.ts";

const PASSWORD = 4;
const SECURITY = 5;
const BGRA = 4;
const WHITE = 0xffffffff;
const ANNOTATIONS = 0x01;
/** Red first instead of blue. */
const REVERSED = 0x10;
/** Letters of a page whose direction is looked at. */
const ANGLES_MAX = 40;
/** A page of nothing but a line is still a picture. */
const SIDE_MIN = 16;

/** What is wanted of a page; what is not wanted is not made. */
export interface PdfPage {
  readonly text: string;
  readonly image: PageImage | null;
}

/**
 * An open PDF: nothing in it is ever run (PDFium is built without JavaScript, forms are not filled in) or fetched. Must be closed, for
 * its memory lies outside of JavaScript's.
 */
export class PdfFile implements Disposable {
  readonly pageCount: number;
  readonly #pdfium: Pdfium;
  readonly #bytes: number;
  readonly #document: number;

  private constructor(pdfium: Pdfium, bytes: number, document: number) {
    this.#pdfium = pdfium;
    this.#bytes = bytes;
    this.#document = document;
    this.pageCount = pdfium._FPDF_GetPageCount(document);
  }

  /**
   * @throws {NoRetryError} `INVALID_DOCUMENT`, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT` or `DOCUMENT_TOO_LARGE`
   * @throws {MilepostError} `MISSING_DEPENDENCY`
   */
  static async open(content: Uint8Array): Promise<PdfFile> {
    const pdfium = await loadPdfium();
    return guarded(pdfium, () => {
      const bytes = allocate(pdfium, content.length);
      pdfium.HEAPU8.set(content, bytes);
      const document = pdfium._FPDF_LoadMemDocument(bytes, content.length, 0);
      if (document === 0) {
        const error = openError(pdfium._FPDF_GetLastError());
        pdfium.wasmExports.free(bytes);
        throw error;
      }
      const file = new PdfFile(pdfium, bytes, document);
      if (file.pageCount > 0 && file.pageCount <= DOCUMENT_LIMITS.pages) return file;
      file.close();
      if (file.pageCount < 1) throw documentError("EMPTY_DOCUMENT", "the PDF has no pages");
      throw documentError(
        "DOCUMENT_TOO_LARGE",
        `the PDF has too many pages: ${file.pageCount}; the limit is ${DOCUMENT_LIMITS.pages}`,
      );
    });
  }

  /**
   * Text and, if wanted, the picture of a page, upright as a reader sees it.
   *
   * @param number from 1 to `pageCount`
   * @throws {NoRetryError} `INVALID_DOCUMENT` or `DOCUMENT_TOO_LARGE`, naming the page
   */
  page(number: number, wanted: { readonly image: boolean }): PdfPage {
    const pdfium = this.#pdfium;
    return guarded(pdfium, () => {
      const page = pdfium._FPDF_LoadPage(this.#document, number - 1);
      if (page === 0) throw documentError("INVALID_DOCUMENT", `the PDF is damaged: page ${number} cannot be read`);
      try {
        const size = sizeOf(pdfium, page, number);
        const text = textOf(pdfium, page, number);
        return { text, image: wanted.image ? render(pdfium, page, size) : null };
      } finally {
        pdfium._FPDF_ClosePage(page);
      }
    });
  }

  close(): void {
    this.#pdfium._FPDF_CloseDocument(this.#document);
    this.#pdfium.wasmExports.free(this.#bytes);
    // Its memory never shrinks again.
    if (this.#pdfium.HEAPU8.length > DOCUMENT_LIMITS.pdfKeptBytes) forgetPdfium();
  }

  [Symbol.dispose](): void {
    try {
      this.close();
    } catch {
      // After a trap nothing of it can be called any more; it was let go of then.
      forgetPdfium();
    }
  }
}

/** What WebAssembly throws (out of memory, out of bounds, a broken promise of the library) leaves it in an unknown state. */
function guarded<T>(pdfium: Pdfium, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.name === "NoRetryError") throw error;
    forgetPdfium();
    if (pdfium.HEAPU8.length > DOCUMENT_LIMITS.pdfMemoryBytes / 2) {
      const limit = DOCUMENT_LIMITS.pdfMemoryBytes / 1_048_576;
      throw documentError("DOCUMENT_TOO_LARGE", `reading the PDF takes more than ${limit} MiB of memory`, error);
    }
    throw documentError("INVALID_DOCUMENT", `the PDF is damaged: it broke the reader (${reasonOf(error)})`, error);
  }
}

function openError(code: number): Error {
  if (code === PASSWORD) return documentError("ENCRYPTED_DOCUMENT", "the PDF is encrypted; take its password off");
  if (code === SECURITY) return documentError("ENCRYPTED_DOCUMENT", "the PDF is encrypted in a way that is not known");
  return documentError("INVALID_DOCUMENT", "the PDF is damaged: it cannot be opened");
}

function sizeOf(pdfium: Pdfium, page: number, number: number): { readonly width: number; readonly height: number } {
  const width = pdfium._FPDF_GetPageWidth(page);
  const height = pdfium._FPDF_GetPageHeight(page);
  if (!(width > 0 && height > 0)) {
    throw documentError("INVALID_DOCUMENT", `the PDF is damaged: page ${number} has no size`);
  }
  if (width <= DOCUMENT_LIMITS.pagePoints && height <= DOCUMENT_LIMITS.pagePoints) return { width, height };
  throw documentError(
    "DOCUMENT_TOO_LARGE",
    `page ${number} is too large: ${Math.round(width)} × ${Math.round(height)} points; the limit is ${DOCUMENT_LIMITS.pagePoints} a side`,
  );
}

/**
 * The text of a page in reading order. The library puts lines in order as they stand on the page as it is shown; where most letters
 * lie on their side there, the page is turned for the time of reading.
 */
function textOf(pdfium: Pdfium, page: number, number: number): string {
  const rotation = pdfium._FPDFPage_GetRotation(page);
  const shown = readText(pdfium, page, number);
  if (shown.upright === rotation) return shown.text;
  pdfium._FPDFPage_SetRotation(page, shown.upright);
  try {
    return readText(pdfium, page, number).text;
  } finally {
    pdfium._FPDFPage_SetRotation(page, rotation);
  }
}

function readText(pdfium: Pdfium, page: number, number: number): { readonly text: string; readonly upright: number } {
  const textPage = pdfium._FPDFText_LoadPage(page);
  if (textPage === 0) return { text: "", upright: 0 };
  try {
    const count = pdfium._FPDFText_CountChars(textPage);
    if (count <= 0) return { text: "", upright: pdfium._FPDFPage_GetRotation(page) };
    if (count > DOCUMENT_LIMITS.pageCharacters) {
      throw documentError("DOCUMENT_TOO_LARGE", `page ${number} has too much text: ${count} characters`);
    }
    const buffer = allocate(pdfium, 2 * (count + 1));
    try {
      const units = pdfium._FPDFText_GetText(textPage, 0, count, buffer);
      // The last one is a NUL.
      const end = buffer + 2 * Math.max(0, units - 1);
      const text = new TextDecoder("utf-16le").decode(pdfium.HEAPU8.subarray(buffer, end));
      return { text, upright: uprightOf(pdfium, textPage, count) };
    } finally {
      pdfium.wasmExports.free(buffer);
    }
  } finally {
    pdfium._FPDFText_ClosePage(textPage);
  }
}

/** The rotation of the page, in quarter turns, under which most of its letters stand upright. */
function uprightOf(pdfium: Pdfium, textPage: number, count: number): number {
  const votes = [0, 0, 0, 0];
  const every = Math.max(1, Math.floor(count / ANGLES_MAX));
  for (let index = 0; index < count; index += every) {
    const angle = pdfium._FPDFText_GetCharAngle(textPage, index);
    if (!(angle >= 0)) continue;
    const quarter = Math.round(angle / (Math.PI / 2)) % 4;
    votes[quarter] = (votes[quarter] ?? 0) + 1;
  }
  return votes.indexOf(Math.max(...votes));
}

function render(pdfium: Pdfium, page: number, size: { readonly width: number; readonly height: number }): PageImage {
  const scale = DOCUMENT_LIMITS.pageSide / Math.max(size.width, size.height);
  const width = Math.max(SIDE_MIN, Math.round(size.width * scale));
  const height = Math.max(SIDE_MIN, Math.round(size.height * scale));
  const bytes = width * height * 4;
  const pixels = allocate(pdfium, bytes);
  const bitmap = pdfium._FPDFBitmap_CreateEx(width, height, BGRA, pixels, width * 4);
  try {
    if (bitmap === 0) throw new Error("no bitmap could be made");
    pdfium._FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
    pdfium._FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, ANNOTATIONS | REVERSED);
    return { width, height, rgba: pdfium.HEAPU8.slice(pixels, pixels + bytes) };
  } finally {
    if (bitmap !== 0) pdfium._FPDFBitmap_Destroy(bitmap);
    pdfium.wasmExports.free(pixels);
  }
}

function allocate(pdfium: Pdfium, bytes: number): number {
  const at = pdfium.wasmExports.malloc(bytes);
  if (at === 0) throw new Error("out of memory");
  return at;
}
