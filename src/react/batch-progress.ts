import { createElement, Fragment, type ReactElement } from "react";
import type { Client } from "../client/client.ts";
import { escapeText } from "../format/escape.ts";
import { useBatch } from "./use-batch.ts";
import { countsText, noteText, percentText, timeText, valueText } from "./words.ts";

/** Properties of `<BatchProgress>`. */
export interface BatchProgressProps {
  readonly client: Client;
  readonly batchId: string;
  /** What the bar is of. Default: the batch's name. */
  readonly label?: string;
  /** Beside `milepost-progress`. */
  readonly className?: string;
}

/**
 * A batch's progress, live: a bar, its percent, exact counts, time left, and in words what else is to be known.
 *
 * It is readable without any style. For styles there are the classes `milepost-progress` and, in it, `milepost-progress-label`,
 * `-bar`, `-percent`, `-counts`, `-time`, `-note` and `-gap` (the commas), and on the outermost element `data-state` (of the connection) and
 * `data-status` (of the batch). Screen readers hear the bar's numbers when they ask, and of themselves only ends and breaks.
 *
 * @example
 * <BatchProgress client={client} batchId={batchId} />
 */
export function BatchProgress({ client, batchId, label, className }: BatchProgressProps): ReactElement {
  const view = useBatch(client, batchId);
  const { batch, state } = view;
  const nowMs = Date.now();
  const title = label ?? (batch?.name === undefined || batch.name === null ? "Progress" : escapeText(batch.name));
  const note = noteText(view);
  return createElement(
    "div",
    {
      className: className === undefined ? "milepost-progress" : `milepost-progress ${className}`,
      "data-state": state,
      "data-status": batch?.status,
    },
    part("label", title),
    " ",
    createElement("progress", {
      className: "milepost-progress-bar",
      "aria-label": title,
      "aria-valuetext": valueText(batch, nowMs),
      max: 100,
      // Without a value a bar is indeterminate.
      value: batch?.percent ?? undefined,
    }),
    " ",
    part("percent", percentText(batch)),
    batch !== null && gapAnd("counts", countsText(batch)),
    batch !== null && gapAnd("time", timeText(batch, nowMs)),
    note !== "" && GAP,
    // There from the beginning, as what is to be announced when it changes must be.
    createElement("span", { className: "milepost-progress-note", role: "status" }, note),
  );
}

/** Between two parts; where they are laid out otherwise, a style hides it. */
const GAP = createElement("span", { className: "milepost-progress-gap", "aria-hidden": true }, ", ");

/** A part that is left out where there is nothing to say. */
function gapAnd(name: string, text: string): ReactElement | false {
  return text !== "" && createElement(Fragment, null, GAP, part(name, text));
}

function part(name: string, text: string): ReactElement {
  return createElement("span", { className: `milepost-progress-${name}`, "aria-hidden": true }, text);
}
