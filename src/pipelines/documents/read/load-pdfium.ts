import type { PDFiumModule } from "@hyzyla/pdfium";
import { MilepostError } from "../../../core/errors.ts";

/** The library, with functions that it has and its types leave out. */
export type Pdfium = Awaited<ReturnType<typeof PDFiumModule>> & {
  /** In quarter turns clockwise. */
  _FPDFPage_GetRotation(page: number): number;
  _FPDFPage_SetRotation(page: number, quarters: number): void;
  /** In radians. */
  _FPDFText_GetCharAngle(textPage: number, index: number): number;
};

let loading: Promise<Pdfium> | null = null;

/**
 * Loads PDFium (WebAssembly) when the first PDF needs it; one for each thread.
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install
 */
export function loadPdfium(load: () => Promise<Pdfium> = loadPackage): Promise<Pdfium> {
  if (loading === null) {
    loading = load().catch((cause: unknown) => {
      loading = null;
      throw new MilepostError(
        "MISSING_DEPENDENCY",
        "PDF needs the package @hyzyla/pdfium; install it: npm install @hyzyla/pdfium",
        { details: { package: "@hyzyla/pdfium" }, cause },
      );
    });
  }
  return loading;
}

/** Lets go of the loaded one with all its memory, after it has failed or grown: the next PDF gets a fresh one. */
export function forgetPdfium(): void {
  loading = null;
}

async function loadPackage(): Promise<Pdfium> {
  const { PDFiumModule: load } = await import("@hyzyla/pdfium");
  const pdfium = (await load({})) as Pdfium;
  pdfium._FPDF_InitLibraryWithConfig({ version: 2 });
  return pdfium;
}
