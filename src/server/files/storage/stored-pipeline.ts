import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline as connect } from "node:stream/promises";
import { NoRetryError } from "../../../core/errors.ts";
import type { Json } from "../../../core/json.ts";
import type { Handler, HandlerItem, PipelineDefinition, Step } from "../../../engine/pipeline.ts";
import type { Storage } from "./storage.ts";

/** Where a server keeps what belongs to a batch; the end of the path is its key in the storage. */
const OF_BATCH = /[\\/]batches[\\/]([0-9a-f-]{36})[\\/](in|out)[\\/]([^\\/]+)$/;

interface Files {
  readonly source: string;
  readonly output: string;
}

/**
 * The same pipeline for a worker that may not see the server's folder: an input that is not there is fetched from the storage into a
 * temporary folder, and what is made of it goes back there. Work that has nothing to do with a server's files is done as ever.
 *
 * @param isSeen whether an input lies where its item says
 */
export function storedPipeline(
  definition: PipelineDefinition,
  storage: Storage,
  isSeen: (path: string) => boolean = existsSync,
): PipelineDefinition {
  const { handler } = definition;
  if (handler === undefined) return definition;
  const stored: Handler = (item, step) => {
    const files = filesOf(item.input);
    return files === null || isSeen(files.source)
      ? handler(item, step)
      : runElsewhere({ handler, storage }, files, { item, step });
  };
  return { ...definition, handler: stored };
}

async function runElsewhere(
  { handler, storage }: { readonly handler: Handler; readonly storage: Storage },
  files: Files,
  { item, step }: { readonly item: HandlerItem; readonly step: Step },
): Promise<Json> {
  const folder = await mkdtemp(join(tmpdir(), "milepost-work-"));
  try {
    const local = {
      source: join(folder, basename(files.source)),
      output: join(folder, `made-${basename(files.output)}`),
    };
    const input = await storage.open(keyOf(files.source));
    if (input === null) {
      throw new NoRetryError(`the input is neither at ${files.source} nor in ${storage.location}`, {
        code: "INPUT_MISSING",
      });
    }
    await connect(await input.read(), createWriteStream(local.source, { flags: "wx", mode: 0o600 }), {
      signal: step.signal,
    });
    const made = await handler({ ...item, input: { ...(item.input as object), ...local } }, step);
    step.signal.throwIfAborted();
    await storage.put(keyOf(files.output), createReadStream(local.output));
    return { ...(made as object), path: files.output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What an item of uploads reads and writes; null for any other item. */
function filesOf(input: Json): Files | null {
  if (typeof input !== "object" || input === null || !("source" in input) || !("output" in input)) return null;
  const { source, output } = input;
  if (typeof source !== "string" || typeof output !== "string") return null;
  return OF_BATCH.test(source) && OF_BATCH.test(output) ? { source, output } : null;
}

function keyOf(path: string): string {
  const [, batch, part, name] = OF_BATCH.exec(path) ?? [];
  return `${batch}/${part}/${name}`;
}
