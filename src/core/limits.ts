/** Every bound of the program, in one place. Sizes in bytes, times in milliseconds, the rest in pieces. */
export const LIMITS = {
  /** Items one batch can ever hold; also fixes how an item's number is packed (ids.ts). */
  itemsPerBatch: 2 ** 30,
  batchesPerStore: 2 ** 23,
  /** Parts of the table of items on PostgreSQL. */
  partitions: 1_024,
  keyBytes: 4_096,
  nameBytes: 512,
  /** One item's input, output or saved data as JSON. */
  itemJsonBytes: 1_048_576,
  batchOptionsBytes: 262_144,
  jsonDepth: 32,
  errorMessageBytes: 2_048,
  progressTextBytes: 256,
  stagesPerPipeline: 64,
  /** Ended attempts kept per item; older ones are dropped. */
  attemptsPerItem: 10,
  pageItems: 1_000,
  /** Items that one search by name looks at, and those of one read of it. */
  searchItems: 200_000,
  searchReadItems: 10_000,
  searchBytes: 512,
  submitChunkItems: 1_000,
  verdicts: 10_000,
  controlChunkItems: 10_000,
  claimItems: 500,
  failureGroups: 100,
  concurrency: 1_024,
  /** Heap of a thread that runs handlers. */
  threadMemoryMb: 1_048_576,
  /** What is kept for estimates: of one batch, and of one kind of work. */
  learnedBytes: 16_384,
  /** Kinds of work that are remembered. */
  works: 1_000,
  /** Running items that an estimate looks at, and batches of its queue. */
  evidenceItems: 64,
  rivals: 16,
  priority: 1_000_000,
  /** A lease shorter than this could lapse in an ordinary pause of the machine. */
  leaseMinMs: 1_000,
  leaseMaxMs: 3_600_000,
  cacheMiB: 4_096,
  /** Karaoke: a project or presets file, a lyrics file; what lyrics may hold, lengths in UTF-16 units. */
  projectBytes: 16_777_216,
  lyricsBytes: 16_777_216,
  /** One line of a file of lyrics (LRC, ASS), with all that stands in it beside the words. */
  lyricsLineLength: 262_144,
  lyricsLines: 200_000,
  lyricsWords: 1_000_000,
  lineWords: 2_000,
  lineLength: 10_000,
  wordLength: 1_000,
  /** Karaoke: a time in a song, and its length: a day. */
  songMs: 86_400_000,
  presets: 1_000,
  /** Karaoke: values in a project, or in a preset, besides its lines. */
  projectValues: 1_000,
} as const;
