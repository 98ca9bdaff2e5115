import { readFile } from "node:fs/promises";
import type { PDFiumModule } from "@hyzyla/pdfium";
import { MilepostError } from "../../../core/errors.ts";
import { DOCUMENT_LIMITS } from "../document-limits.ts";

/** The library, with functions that it has and its types leave out. */
export type Pdfium = Awaited<ReturnType<typeof PDFiumModule>> & {
  /** In quarter turns clockwise. */
  _FPDFPage_GetRotation(page: number): number;
  _FPDFPage_SetRotation(page: number, quarters: number): void;
  /** In radians. */
  _FPDFText_GetCharAngle(textPage: number, index: number): number;
};

type Imports = Record<string, Record<string, unknown>>;

/** Of the types of the language, those of WebAssembly come with browsers alone. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    compile(code: Uint8Array): Promise<unknown>;
    readonly Instance: new (code: unknown, imports: Imports) => { readonly exports: Record<string, unknown> };
  };
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
  const code = await WebAssembly.compile(await readFile(new URL(import.meta.resolve("@hyzyla/pdfium/pdfium.wasm"))));
  const quiet = { print() {}, printErr() {} };
  const pdfium = (await load({
    // What it says before it gives up is for its authors, and would go to the user's terminal.
    ...quiet,
    instantiateWasm(imports: Imports, succeed: (instance: unknown) => void) {
      boundMemory(imports);
      const instance = new WebAssembly.Instance(code, imports);
      succeed(instance);
      return instance.exports;
    },
  })) as Pdfium;
  pdfium._FPDF_InitLibraryWithConfig({ version: 2 });
  return pdfium;
}

/** Refuses memory beyond the limit: the library asks through this import, and could else take 2 GiB for one small file. */
function boundMemory(imports: Imports): void {
  const { env } = imports;
  const resize = env?.emscripten_resize_heap;
  if (env === undefined || typeof resize !== "function") throw new Error("PDFium asks for memory in an unknown way");
  env.emscripten_resize_heap = (bytes: number): unknown =>
    bytes >>> 0 > DOCUMENT_LIMITS.pdfMemoryBytes ? 0 : resize(bytes);
}
