/** A document as far as the page shows it; schemas are shown as they are. */
interface ApiDocument {
  readonly info: { readonly title: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, object | undefined>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: unknown;
  }[];
  readonly requestBody?: { readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: unknown }>>;

export const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
h2{margin-top:2.5rem;text-transform:capitalize}h3{margin-bottom:.25rem;font-size:1rem}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;background:#f4f4f2;padding:.75rem;border-radius:4px}td,th{text-align:left;vertical-align:top;padding:.15rem .75rem .15rem 0}
summary{cursor:pointer}.method{display:inline-block;min-width:4.5rem;font-weight:700}
@media(prefers-color-scheme:dark){body{color:#e8e8e6;background:#181817}pre{background:#242422}a{color:#8ab4f8}}`;

/** The whole API on one page without script. Every text is escaped; names of schemas lead to them. */
export function renderApiPage(document: ApiDocument): string {
  const groups = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries((item ?? {}) as Record<string, Operation>)) {
      const group = operation.tags?.[0] ?? "other";
      groups.set(group, [...(groups.get(group) ?? []), renderOperation(method, path, operation)]);
    }
  }
  const sections = [...groups].map(([name, operations]) => `<h2>${escapeHtml(name)}</h2>${operations.join("")}`);
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<h3 id="${escapeHtml(name)}"><code>${escapeHtml(name)}</code></h3><details><summary>schema</summary>${renderJson(schema)}</details>`,
  );
  const { title, description = "" } = document.info;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} API</title><style>${STYLE}</style></head><body><h1>${escapeHtml(title)} API</h1>
<p>${escapeHtml(description)} For programs: <a href="/openapi.json">openapi.json</a>.</p>
${sections.join("\n")}<h2>Schemas</h2>${schemas.join("\n")}</body></html>
`;
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const { summary = "", description = "", parameters = [], requestBody, responses = {} } = operation;
  const rows = parameters.map(
    (parameter) =>
      `<tr><td><code>${escapeHtml(parameter.name)}</code></td><td>${escapeHtml(parameter.in)}${parameter.required === true ? ", required" : ""}</td><td>${escapeHtml(parameter.description ?? "")}</td></tr>`,
  );
  const answers = Object.entries(responses).map(
    ([status, response]) =>
      `<tr><td><code>${escapeHtml(status)}</code></td><td>${escapeHtml(response.description ?? "")}</td><td>${renderContent(response.content)}</td></tr>`,
  );
  return `<section><h3><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(summary)}${callersOf(operation)}${description === "" ? "" : `<br>${escapeHtml(description)}`}</p>
${rows.length === 0 ? "" : `<table>${rows.join("")}</table>`}
${requestBody === undefined ? "" : `<details><summary>body</summary>${renderContent(requestBody.content)}</details>`}
<details><summary>answers</summary><table>${answers.join("")}</table></details></section>`;
}

function callersOf({ security }: Operation): string {
  if (security === undefined) return "";
  return security.length === 0 ? " (open to all)" : " (the operator)";
}

function renderContent(content: Content = {}): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<code>${escapeHtml(type)}</code>${renderJson(schema ?? {})}`)
    .join("");
}

/** JSON whose references are links. */
function renderJson(value: unknown): string {
  const text = escapeHtml(JSON.stringify(value, null, 2));
  return `<pre>${text.replace(/#\/components\/schemas\/([\w.-]+)/g, (_whole, name: string) => `<a href="#${name}">${name}</a>`)}</pre>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
