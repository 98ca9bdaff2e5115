/** Bounds of what is read and kept: no document may cost more than these allow. */
export const DOCUMENT_LIMITS = {
  /** Of the file. It is held in memory while it is read. */
  bytes: 268_435_456,
  pages: 5_000,
  /** Of one side of a page, in points of 1/72 inch: the largest that PDF 1.7 allows, 200 inches. */
  pagePoints: 14_400,
  /** Characters of a page, and of a whole document. */
  pageCharacters: 1_000_000,
  characters: 20_000_000,
  /** What the parts of a DOCX may come to when they are unpacked, and how many there may be. */
  unpackedBytes: 134_217_728,
  zipEntries: 10_000,
  /** What the PDF library may take in all, the file included. */
  pdfMemoryBytes: 805_306_368,
  /** What it may keep for the next PDF. */
  pdfKeptBytes: 268_435_456,
  /** Pixels of the longer side of a page as it is rendered; also its thumbnail. */
  pageSide: 480,
  /** Heap of a thread that reads documents, in MiB. */
  threadMemoryMb: 512,
  /**
   * How long one step (a page, a chunk's vectors, the parsing of a text) may work, and how long the storing may: the processor time of the
   * thread, and ten times as long by the clock.
   */
  stepMs: 60_000,
  storingMs: 600_000,
} as const;
