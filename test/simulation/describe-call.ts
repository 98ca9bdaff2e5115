import { splitItemNumber } from "../../src/core/ids.ts";
import type {
  Claimed,
  ClaimRequest,
  ControlCommand,
  ControlResult,
  Report,
  ReportResult,
  SessionSpec,
  Submission,
  Submitted,
} from "../../src/ports/store.ts";
import type { StoreCall } from "./faulty-store.ts";

interface CallDescription {
  readonly text: string;
  /** What came of it; empty where that is of no interest to people. */
  readonly result: (result: unknown) => string;
}

/** A call to the store in few words. */
export function describeCall(method: StoreCall, args: readonly unknown[]): CallDescription {
  const [first, second] = args;
  switch (method) {
    case "submit": {
      const { batch, items, seal } = first as Submission;
      const target = typeof batch === "number" ? `batch ${batch}` : `a batch of ${batch.pipeline} in ${batch.queue}`;
      const text = `submit ${items.length} to ${target}${seal ? ", sealing" : ""}`;
      return { text, result: (result) => `batch ${(result as Submitted).batch?.number ?? "gone"}` };
    }
    case "claim": {
      const { worker, limit } = first as ClaimRequest;
      const toText = ({ leases }: Claimed): string => leases.map(({ item, token }) => leaseText(item, token)).join(" ");
      const text = `claim for session ${worker}, limit ${limit}`;
      return { text, result: (result) => toText(result as Claimed) };
    }
    case "record": {
      const text = `record ${(first as readonly Report[]).map(reportText).join(", ")}`;
      const toText = (result: ReportResult): string => (result.ok ? "ok" : result.reason);
      return { text, result: (result) => (result as readonly ReportResult[]).map(toText).join(" ") };
    }
    case "control": {
      const toText = (result: ControlResult): string =>
        result.ok ? (result.changed === 0 ? "" : `changed ${result.changed}`) : result.reason;
      return {
        text: `control ${commandText(first as ControlCommand)}`,
        result: (result) => toText(result as ControlResult),
      };
    }
    case "openSession": {
      const { leaseMs, concurrency, queues } = first as SessionSpec;
      const text = `openSession lease ${leaseMs}, concurrency ${concurrency}, queues ${queues.join("+") || "all"}`;
      return { text, result: brief };
    }
    case "closeSession":
      return { text: `closeSession ${first}`, result: () => "closed" };
    case "orders": {
      const text = `orders of session ${first}, confirmed ${second}`;
      return { text, result: () => "" };
    }
    case "beat":
      return { text: `beat of session ${first}`, result: (isAlive) => (isAlive === true ? "" : "it was reaped") };
    case "prune":
      return { text: "prune", result: brief };
    case "reap":
      return { text: "reap", result: (count) => (count === 0 ? "" : `${count} sessions`) };
    default:
      return { text: method, result: () => "" };
  }
}

/** An item as `batch/ordinal`. */
export function itemText(number: number): string {
  const { batch, ordinal } = splitItemNumber(number);
  return `${batch}/${ordinal}`;
}

function leaseText(item: number, token: number): string {
  return `${itemText(item)}#${token}`;
}

function reportText({ type, item, lease }: Report): string {
  return `${type} ${lease === null ? itemText(item) : `${leaseText(item, lease.token)} by ${lease.worker}`}`;
}

function commandText(command: ControlCommand): string {
  const { target } = command;
  if ("queue" in target) return `${command.type} queue ${target.queue}`;
  if ("worker" in target) return `${command.type} session ${target.worker}`;
  return "batch" in target ? `${command.type} batch ${target.batch}` : `${command.type} item ${itemText(target.item)}`;
}

function brief(result: unknown): string {
  return JSON.stringify(result) ?? "";
}
