import { MilepostError } from "../core/errors.ts";
import { batchIdFrom, isUuid } from "../core/ids.ts";
import { isStorableText, type Json, toJsonText, utf8Bytes } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/options.ts";
import { type Priority, toPriority } from "../core/priority.ts";
import { toStages } from "../core/progress.ts";
import { NO_VERDICTS, type VerdictKind } from "../core/request.ts";
import { type Policy, toPolicy } from "../core/retry-policy.ts";
import { hashText } from "../core/text-hash.ts";
import type { BatchSpec, ItemSpec, SubmissionRequest, Submitted } from "../ports/store.ts";
import { notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import { type Pipeline, policyFieldsOf } from "./pipeline.ts";
import { Plan } from "./plan.ts";
import { retryBusy } from "./retry-busy.ts";

/** An item to submit; a plain text is an item with that key and no input. */
export type NewItem =
  | string
  | {
      /** Unique inside the batch; the same key again is the same item. */
      readonly key: string;
      readonly input?: Json;
      /** What the item's work grows with: bytes, pages, frames. */
      readonly size?: number;
      /** What items that take as long have in common: a format. */
      readonly kind?: string;
      /** Among the items of its batch; lower runs sooner. */
      readonly priority?: Priority;
    };

/** Arrays, iterables and async iterables; streams are read as they are written, never held whole. */
export type NewItems = Iterable<NewItem> | AsyncIterable<NewItem>;

/** A batch to submit: what it is called, who runs it, how it is tried, and its items. */
export interface SubmitOptions extends Partial<Policy> {
  /**
   * Who is to run it: any worker that declares this pipeline, in this process or another. Stages and defaults of the policy come
   * from its declaration in the submitting process; without one there, the general defaults hold.
   */
  readonly pipeline: string;
  readonly items: NewItems;
  /**
   * A UUIDv7 for a new batch; default: one is made. The same id again, with the same owner, name and pipeline, goes on with that
   * submission: what it had written is known. A batch that is found by `name` keeps its own id.
   */
  readonly id?: string;
  /** So that the submission is carried out once, however often it is asked for. */
  readonly request?: RequestOptions;
  /** Unique for its owner. The same name again adds to the same batch; known keys keep their state. */
  readonly name?: string;
  readonly owner?: string;
  /** Default: the pipeline's. */
  readonly queue?: string;
  /** For every item of the batch; handlers find it at `item.batch.options`. */
  readonly options?: Json;
  readonly priority?: Priority;
  /** Nothing of the batch starts before. */
  readonly startAt?: Date;
  /** False leaves the batch open for more items; it ends only after `seal()`. Default true. */
  readonly seal?: boolean;
  readonly onVerdict?: (verdict: Verdict) => void;
}

/** A request's name, unique for its owner, kept as long as its batch. */
export interface RequestOptions {
  /** 1 to 512 bytes. */
  readonly key: string;
  /**
   * Of all that the request says, such as a hash: 1 to 512 bytes. Of a known key, the same fingerprint is the same request and
   * answered as it was the first time; while that is under way, and for another fingerprint, it is refused.
   */
  readonly fingerprint: string;
}

/** What became of one submitted item: `added`, `known` from an earlier submission, or a `duplicate` within this one. */
export interface Verdict {
  readonly key: string;
  readonly verdict: VerdictKind;
}

/** What became of submitted items, as numbers and, up to a bound, one by one. */
export interface SubmitCounts {
  readonly added: number;
  /** Of an earlier submission: they keep their state. */
  readonly known: number;
  /** The same key again within this one. */
  readonly duplicate: number;
  /** One for each item, in order, up to `LIMITS.verdicts`; use `onVerdict` for more. */
  readonly verdicts: readonly Verdict[];
  /** True for a request that had been carried out before: the counts are those of then, and there are no verdicts. */
  readonly isRepeat: boolean;
}

/**
 * Writes a submission in chunks, each one transaction, the last one sealing and durable. A submission of one chunk is all or
 * nothing. If the source of the items throws half-way, a batch that this submission created is taken back.
 */
export async function writeSubmission(options: {
  readonly deps: Deps;
  readonly batch: BatchSpec | number;
  readonly items: NewItems;
  readonly seal: boolean;
  readonly onVerdict?: ((verdict: Verdict) => void) | undefined;
  readonly request?: RequestOptions | undefined;
}): Promise<SubmitCounts & { readonly number: number; readonly id: string; readonly isNew: boolean }> {
  const { deps } = options;
  const given: unknown = options.items;
  if (typeof given !== "object" || given === null || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `items must be a list or a stream of items; found ${given === null ? "null" : typeof given}`,
    );
  }
  const tally = { ...NO_VERDICTS };
  const verdicts: Verdict[] = [];
  const plan = new Plan();
  let first: Submitted | null = null;
  const requestIn = requestsOf(deps, options);
  const write = async (
    chunk: readonly ItemSpec[],
    how: { readonly seal: boolean; readonly state: SubmissionRequest["state"] },
  ): Promise<Submitted> => {
    const target = first?.batch
      ? { batch: first.batch.number, firstOrdinal: first.firstOrdinal }
      : { batch: options.batch };
    const named = requestIn(how.state);
    const submitted = await retryBusy(deps, () =>
      deps.store.submit({
        ...{ ...target, ...named, items: chunk, seal: how.seal, now: deps.clock.now() },
        isDurable: how.state !== "going",
      }),
    );
    if (submitted.batch === null) throw notFound("the batch, removed while items were added,");
    first ??= submitted;
    for (const [index, verdict] of submitted.verdicts.entries()) {
      tally[verdict] += 1;
      const item = chunk[index];
      if (item !== undefined && verdict === "added") plan.add(item);
      const entry = { key: item?.key ?? "", verdict };
      if (verdicts.length < LIMITS.verdicts) verdicts.push(entry);
      options.onVerdict?.(entry);
    }
    return submitted;
  };
  let last: Submitted | null = null;
  try {
    let chunk: ItemSpec[] = [];
    for await (const item of options.items) {
      chunk.push(toItemSpec(item));
      if (chunk.length < LIMITS.submitChunkItems) continue;
      last = await write(chunk, { seal: false, state: "going" });
      if (last.repeated !== null) break;
      chunk = [];
      // Lets heartbeats, handlers and readers in between two chunks of a long stream.
      await new Promise<void>((resolve) => deps.clock.after(0, resolve));
    }
    if (last?.repeated == null) last = await write(chunk, { seal: options.seal, state: "whole" });
  } catch (error) {
    await takeBack(deps, first, write);
    throw error;
  }
  const submitted = first as Submitted | null;
  if (submitted?.batch == null) throw notFound("the batch");
  const { number, id } = submitted.batch;
  const { isNew } = submitted;
  // Of its last chunk alone: an answer that was lost, and was asked for again.
  if (last.repeated !== null) return { ...last.repeated, verdicts, isRepeat: last === first, number, id, isNew };
  await plan.tell(deps, number);
  return { ...tally, verdicts, isRepeat: false, number, id, isNew };
}

/** What each chunk of a submission tells of its request. */
function requestsOf(
  deps: Deps,
  { batch, request }: { readonly batch: BatchSpec | number; readonly request?: RequestOptions | undefined },
): (state: SubmissionRequest["state"]) => { readonly request?: SubmissionRequest } {
  if (request === undefined) return () => ({});
  const key = requireText("a request's key", request.key);
  const fingerprint = requireText("a request's fingerprint", request.fingerprint);
  const id = typeof batch === "number" ? newId(deps) : batch.id;
  return (state) => ({ request: { key, fingerprint, id, state } });
}

/** A new batch is removed; one that was there keeps what was added and is sealed again, so that it can end. */
async function takeBack(
  deps: Deps,
  first: Submitted | null,
  write: (chunk: readonly ItemSpec[], how: { readonly seal: true; readonly state: "given-up" }) => Promise<Submitted>,
): Promise<void> {
  if (first === null || first.batch === null) return;
  try {
    if (!first.isNew) return void (await write([], { seal: true, state: "given-up" }));
    const target = { batch: first.batch.number };
    for (const type of ["cancel", "remove"] as const) {
      for (let more = true; more; ) {
        const result = await deps.store.control({ type, target }, deps.clock.now());
        more = result.ok && result.more;
      }
    }
  } catch (error) {
    deps.logger.warn("a submission that failed half-way could not be taken back", { error: String(error) });
  }
}

/** @throws {MilepostError} `INVALID_ARGUMENT` or `NOT_JSON`, before anything is written. */
export function toBatchSpec(deps: Deps, options: SubmitOptions, pipeline: Pipeline | undefined): BatchSpec {
  requireText("pipeline", options.pipeline);
  if (options.id !== undefined) requireBatchId(options.id);
  if (options.name !== undefined) requireText("name", options.name);
  if (options.name !== undefined && isUuid(options.name)) {
    throw new MilepostError("INVALID_ARGUMENT", `a batch's name must not look like an id; found ${options.name}`);
  }
  if (options.owner !== undefined && options.owner !== "") requireText("owner", options.owner);
  const startAt = toTime(options.startAt);
  const batchOptions = options.options ?? null;
  toJsonText(batchOptions, "options", LIMITS.batchOptionsBytes);
  return {
    id: options.id ?? newId(deps),
    owner: options.owner ?? "",
    name: options.name ?? null,
    queue: requireText("queue", options.queue ?? pipeline?.queue ?? options.pipeline),
    pipeline: options.pipeline,
    options: batchOptions,
    policy: toPolicy(policyFieldsOf(options), pipeline?.policy),
    stages: pipeline?.stages ?? toStages([]),
    priority: toPriority(options.priority ?? 0),
    startAt,
    work: `${options.pipeline} ${hashText(JSON.stringify(pipeline?.alike(batchOptions) ?? batchOptions))}`,
  };
}

function newId({ clock, random }: Deps): string {
  return batchIdFrom(clock.now(), random.bytes(10));
}

function requireBatchId(id: string): void {
  if (typeof id === "string" && isUuid(id) && id.charAt(14) === "7") return;
  throw new MilepostError("INVALID_ARGUMENT", `a batch's id must be a UUIDv7 in lower case; found ${String(id)}`);
}

function toTime(date: Date | undefined): number | null {
  if (date === undefined) return null;
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date.getTime();
  throw new MilepostError("INVALID_ARGUMENT", `startAt must be a valid Date; found ${String(date)}`);
}

const ITEM_FIELDS: ReadonlySet<string> = new Set(["key", "input", "size", "kind", "priority"] satisfies (keyof Exclude<
  NewItem,
  string
>)[]);

function refuseUnknownFields(item: object): void {
  for (const name in item) {
    if (ITEM_FIELDS.has(name)) continue;
    const fields = [...ITEM_FIELDS].join(", ");
    throw new MilepostError("INVALID_ARGUMENT", `an item has no field ${JSON.stringify(name)}; it has ${fields}`);
  }
}

function toItemSpec(item: NewItem): ItemSpec {
  const given = typeof item === "string" ? { key: item } : item;
  if (typeof given !== "object" || given === null) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `an item must be a text or an object with a key; found ${given === null ? "null" : typeof given}`,
    );
  }
  if (typeof item !== "string") refuseUnknownFields(item);
  requireText("an item's key", given.key, LIMITS.keyBytes);
  if (given.kind !== undefined) requireText("an item's kind", given.kind);
  if (given.size !== undefined) requireWhole("an item's size", given.size, 0, Number.MAX_SAFE_INTEGER);
  return {
    key: given.key,
    input:
      given.input === undefined || given.input === null ? null : toJsonText(given.input, `the input of ${given.key}`),
    size: given.size ?? null,
    kind: given.kind ?? null,
    priority: given.priority === undefined ? 0 : toPriority(given.priority),
  };
}

/** @throws {MilepostError} `INVALID_ARGUMENT` unless `text` is not empty, not too long, and storable. */
export function requireText(what: string, text: string, bytesMax: number = LIMITS.nameBytes): string {
  const isTextOk = typeof text === "string" && text !== "" && isStorableText(text);
  if (isTextOk && (text.length * 3 <= bytesMax || utf8Bytes(text) <= bytesMax)) return text;
  const found = typeof text === "string" ? JSON.stringify(text.slice(0, 60)) : String(text);
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `${what} must be a text of 1 to ${bytesMax} bytes without NUL; found ${found}`,
  );
}
