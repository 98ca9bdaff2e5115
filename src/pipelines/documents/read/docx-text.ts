import { MilepostError } from "../../../core/errors.ts";
import { documentError, reasonOf } from "../document-errors.ts";
import { checkZip } from "./check-zip.ts";

type Mammoth = Pick<typeof import("mammoth"), "extractRawText">;

/**
 * The text of a DOCX file; an empty line ends a paragraph. Pictures and files that it points to are not looked at.
 *
 * @throws {NoRetryError} `INVALID_DOCUMENT`, `UNSUPPORTED_DOCUMENT` (another kind of ZIP), `ENCRYPTED_DOCUMENT` or `DOCUMENT_TOO_LARGE`
 * @throws {MilepostError} `MISSING_DEPENDENCY`
 */
export async function docxText(bytes: Uint8Array, load: () => Promise<Mammoth> = loadMammoth): Promise<string> {
  const parts = checkZip(bytes);
  if (!parts.has("word/document.xml")) {
    throw documentError("UNSUPPORTED_DOCUMENT", "the content is a ZIP file, but not DOCX, whatever the name says");
  }
  const mammoth = await load();
  try {
    const { value } = await mammoth.extractRawText({ buffer: Buffer.from(bytes) });
    return value;
  } catch (error) {
    throw documentError("INVALID_DOCUMENT", `the DOCX is damaged: ${whyDamaged(error)}`, error);
  }
}

/** What people can make something of: the library trips over what it did not expect. */
function whyDamaged(error: unknown): string {
  if (error instanceof RangeError) return "it is nested too deeply";
  if (error instanceof TypeError) return "a part of it is not what it must be";
  return reasonOf(error).replace(/^.*\[xmldom \w+\]\s*/, "");
}

async function loadMammoth(): Promise<Mammoth> {
  try {
    const { default: mammoth } = (await import("mammoth")) as unknown as { readonly default: Mammoth };
    return mammoth;
  } catch (cause) {
    throw new MilepostError("MISSING_DEPENDENCY", "DOCX needs the package mammoth; install it: npm install mammoth", {
      details: { package: "mammoth" },
      cause,
    });
  }
}
