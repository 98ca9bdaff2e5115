import type { WirePipeline } from "./option-fields.ts";

interface PipelineWords {
  readonly title: string;
  readonly note: string;
}

const KNOWN: Readonly<Record<string, PipelineWords>> = {
  images: { title: "Images", note: "Resized and converted: JPEG, PNG, WebP, AVIF, GIF, TIFF" },
  documents: { title: "Documents", note: "Read and made searchable: PDF, DOCX, HTML, Markdown, text" },
  karaoke: { title: "Karaoke", note: "A video of each project (JSON), with its lyrics, audio and pictures" },
};

/** What a pipeline does, for people. */
export function pipelineWords({ name, accepts }: Pick<WirePipeline, "name" | "accepts">): PipelineWords {
  return KNOWN[name] ?? { title: name, note: accepts.join(", ") };
}
