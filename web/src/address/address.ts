import { ITEM_STATES, type ItemState } from "../../../src/core/transitions.ts";

/** What a batch must be to be listed. */
export const SHOWS = ["all", "active", "failed", "ended"] as const;
export type Show = (typeof SHOWS)[number];

export const SORTS = ["active", "age", "name", "progress", "left", "failed"] as const;
export type Sort = (typeof SORTS)[number];

export interface OverviewView {
  readonly page: "overview";
  readonly show: Show;
  readonly queue: string | null;
  readonly search: string;
  readonly sort: Sort;
  readonly isReversed: boolean;
}

export interface BatchPageView {
  readonly page: "batch";
  readonly batchId: string;
  readonly state: ItemState | null;
  readonly stage: string | null;
  readonly error: string | null;
  readonly search: string;
  /** The item that is open beside the table. */
  readonly itemId: string | null;
}

/** New work: what is to be done with files that are dropped there. */
export interface NewView {
  readonly page: "new";
  /** Null: told by the files. */
  readonly pipeline: string | null;
}

export interface DocumentsView {
  readonly page: "documents";
  /** (operator) Whose they are, empty for the operator's own; null: everybody's, and what is searched are one's own. */
  readonly owner: string | null;
  /** What is searched for in them; empty: all of them are listed. */
  readonly search: string;
  /** The document that is open, and which of its pages. */
  readonly docId: string | null;
  readonly number: number;
}

export interface ExportsView {
  readonly page: "exports";
  /** The export whose video is open: its batch and item. */
  readonly batchId: string | null;
  readonly itemId: string | null;
}

/** What a person looks at; the address says all of it, so that a reload or a shared link shows the same. */
export type View = OverviewView | BatchPageView | NewView | DocumentsView | ExportsView | { readonly page: "missing" };

/** The owner without a name, in addresses. */
const OPERATOR = "operator";

export const NEW: NewView = { page: "new", pipeline: null };
export const DOCUMENTS: DocumentsView = { page: "documents", owner: null, search: "", docId: null, number: 1 };
export const EXPORTS: ExportsView = { page: "exports", batchId: null, itemId: null };

export const OVERVIEW: OverviewView = {
  page: "overview",
  show: "all",
  queue: null,
  search: "",
  sort: "active",
  isReversed: false,
};

export function batchView(batchId: string): BatchPageView {
  return { page: "batch", batchId, state: null, stage: null, error: null, search: "", itemId: null };
}

/** The view of an address; what it does not say, or says wrongly, is as usual. */
export function viewOf(pathname: string, query: string): View {
  const parameters = new URLSearchParams(query);
  if (pathname === "/" || pathname === "") {
    return {
      page: "overview",
      show: oneOf(SHOWS, parameters.get("show")) ?? OVERVIEW.show,
      queue: textIn(parameters, "queue"),
      search: parameters.get("search") ?? "",
      sort: oneOf(SORTS, parameters.get("sort")) ?? OVERVIEW.sort,
      isReversed: parameters.get("order") === "reversed",
    };
  }
  const path = pathname.replace(/\/$/, "");
  if (path === "/new") return { page: "new", pipeline: textIn(parameters, "pipeline") };
  if (path === "/documents") {
    const number = Number(parameters.get("number"));
    const owner = textIn(parameters, "owner");
    return {
      page: "documents",
      owner: owner === OPERATOR ? "" : owner,
      search: parameters.get("search") ?? "",
      docId: textIn(parameters, "document"),
      number: Number.isInteger(number) && number > 0 ? number : 1,
    };
  }
  if (path === "/exports")
    return { page: "exports", batchId: textIn(parameters, "batch"), itemId: textIn(parameters, "item") };
  const batchId = /^\/batches\/([^/]+)$/.exec(path)?.[1];
  if (batchId === undefined) return { page: "missing" };
  return {
    page: "batch",
    batchId: batchId.toLowerCase(),
    state: oneOf(ITEM_STATES, parameters.get("state")),
    stage: textIn(parameters, "stage"),
    error: textIn(parameters, "error"),
    search: parameters.get("search") ?? "",
    itemId: textIn(parameters, "item"),
  };
}

/** The address of a view, without what is as usual. */
export function addressOf(view: View): string {
  switch (view.page) {
    case "overview":
      return withQuery("/", {
        show: view.show === OVERVIEW.show ? null : view.show,
        queue: view.queue,
        search: view.search,
        sort: view.sort === OVERVIEW.sort ? null : view.sort,
        order: view.isReversed ? "reversed" : null,
      });
    case "batch":
      return withQuery(`/batches/${encodeURIComponent(view.batchId)}`, {
        state: view.state,
        stage: view.stage,
        error: view.error,
        search: view.search,
        item: view.itemId,
      });
    case "new":
      return withQuery("/new", { pipeline: view.pipeline });
    case "documents":
      return withQuery("/documents", {
        owner: view.owner === "" ? OPERATOR : view.owner,
        search: view.search,
        document: view.docId,
        number: view.docId === null || view.number === 1 ? null : String(view.number),
      });
    case "exports":
      return withQuery("/exports", { batch: view.batchId, item: view.itemId });
    case "missing":
      return "/";
  }
}

function withQuery(path: string, values: Readonly<Record<string, string | null>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== "") parameters.set(name, value);
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function textIn(parameters: URLSearchParams, name: string): string | null {
  return parameters.get(name) || null;
}

function oneOf<T extends string>(known: readonly T[], text: string | null): T | null {
  return known.find((value) => value === text) ?? null;
}
