import { MilepostError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { type Stage, toStages } from "../core/progress.ts";
import { type Policy, toPolicy } from "../core/retry-policy.ts";

/** What a handler gets to know of its item. */
export interface HandlerItem {
  readonly id: string;
  readonly key: string;
  readonly input: Json;
  readonly size: number | null;
  /** What an earlier attempt of the item saved last, or null. */
  readonly saved: Json;
  /** 1 for the first attempt of the item's life. */
  readonly attempt: number;
  readonly batch: { readonly id: string; readonly name: string | null; readonly options: Json };
}

/** A handler's line to the engine while it works on one item. After the attempt ended, every call throws `LEASE_LOST`. */
export interface Step {
  /** Aborted when the item is cancelled, stopped, timed out or taken away; the reason is an error that says which. */
  readonly signal: AbortSignal;
  /** Enters a stage, optionally saying how many units it has. Its weight comes from the `stages` of the batch. */
  stage(name: string, units?: { readonly total?: number; readonly unit?: string }): void;
  /** `done` of `total` units of the current stage. Cheap: only the latest of many calls is written. */
  progress(done: number, total: number, unit?: string): void;
  /** The result was there already and there was nothing to do: what this item took says nothing of how long others take. */
  cached(): void;
  /** A short text for people, shown beside the item while it runs. */
  message(text: string): void;
  /** Keeps `data` for the item's next attempt. Resolves when it is committed. */
  save(data: Json): Promise<void>;
  /** Resolves at once, or, while the batch or its queue is paused, when it is resumed; the attempt's time limit stands still. */
  paused(): Promise<void>;
  log(message: string, details?: Readonly<Record<string, unknown>>): void;
}

/**
 * Does the work of one item. What it returns or resolves to is the item's output (plain JSON or nothing); what it throws is
 * its error.
 */
export type Handler = (item: HandlerItem, step: Step) => unknown;

/** A kind of work: a name, how it is done, and the defaults of its batches. */
export interface PipelineDefinition extends Partial<Policy> {
  readonly name: string;
  /** Runs in this process. Either this or `module`. */
  readonly handler?: Handler;
  /**
   * A module that exports `handler`, run in a pool of worker threads: a crash or a full heap there ends the attempt, not
   * the process, and a handler that ignores its abort signal is ended with its thread.
   */
  readonly module?: URL;
  /** Heap of one thread in MiB (threads only). */
  readonly threadMemoryMb?: number;
  /**
   * Removes what is left of an attempt whose thread died, or in which it stood when the process ended (threads only). It is the
   * last that is called, so nothing may be awaited in it; after a kill of the process it is not called.
   */
  readonly discard?: (item: HandlerItem) => void;
  /** In the order in which items go through them. Their weights are a first guess: batches teach what they are in time. */
  readonly stages?: readonly (string | Stage)[];
  /**
   * What of a batch's options its work depends on. Batches that are alike in it share what was learned of how long their items
   * take. Default: all of them.
   */
  readonly alike?: (options: Json) => Json;
  /** The queue of batches that name none; default: the pipeline's name. */
  readonly queue?: string;
}

/** How items are run in threads. */
export interface ThreadedRun {
  readonly module: URL;
  readonly memoryMb: number;
  readonly discard: (item: HandlerItem) => void;
}

/** A definition whose every part was checked. */
export interface Pipeline {
  readonly name: string;
  readonly queue: string;
  readonly stages: readonly Stage[];
  readonly policy: Policy;
  readonly alike: (options: Json) => Json;
  readonly run: { readonly handler: Handler } | ThreadedRun;
}

const POLICY_FIELDS = [
  "attempts",
  "delayMs",
  "maxDelayMs",
  "timeoutMs",
  "crashBudget",
  "maxFailures",
  "maxFailureRatio",
  "onFailureBudget",
] as const satisfies readonly (keyof Policy)[];

/** The policy fields among others that `given` may have. */
export function policyFieldsOf(given: Partial<Policy>): Partial<Policy> {
  return Object.fromEntries(POLICY_FIELDS.map((field) => [field, given[field]]));
}

/** @throws {MilepostError} `HANDLER` or `INVALID_ARGUMENT`, saying what was expected. */
export function toPipeline(definition: PipelineDefinition): Pipeline {
  const { name, handler, module } = definition;
  if (typeof name !== "string" || name === "") {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `a pipeline's name must be a text that is not empty; found ${String(name)}`,
    );
  }
  if ((handler === undefined) === (module === undefined)) {
    throw new MilepostError("HANDLER", `pipeline ${name} needs either a handler or a module`);
  }
  if (handler !== undefined && typeof handler !== "function") {
    throw new MilepostError("HANDLER", `the handler of pipeline ${name} must be a function; found ${typeof handler}`);
  }
  if (module !== undefined && !(module instanceof URL && module.protocol === "file:")) {
    throw new MilepostError(
      "HANDLER",
      `the module of pipeline ${name} must be a file: URL, such as new URL("./work.js", import.meta.url)`,
    );
  }
  return {
    name,
    queue: definition.queue ?? name,
    stages: toStages(definition.stages ?? []),
    policy: toPolicy(policyFieldsOf(definition)),
    alike: definition.alike ?? ((options) => options),
    run: handler === undefined ? threadedRun(definition) : { handler },
  };
}

function threadedRun({ module, threadMemoryMb = 512, discard = () => {} }: PipelineDefinition): ThreadedRun {
  return { module: module as URL, memoryMb: threadMemoryMb, discard };
}
