import type { FastifyReply, FastifyRequest } from "fastify";
import type { App } from "../context.ts";
import { isKnown } from "../etag.ts";
import type { PageFile } from "../files/page-files.ts";
import type { AnswerMissing } from "../methods.ts";

const VIEWS = ["/batches/:batchId", "/new", "/documents", "/exports"];
/** Addresses that the page itself answers: what it shows there is its own business. */
export const PAGE_PATHS: readonly string[] = ["/", ...VIEWS.flatMap((path) => [path, `${path}/`])];

/**
 * What the page may do: run its own scripts, use its own style, talk to this server, show pictures that it was given by it.
 * No script can make markup of a text (Trusted Types).
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join(";");

/** Their names change with their content. */
const IMMUTABLE = "public, max-age=31536000, immutable";
const NOT_BUILT = "The dashboard is not built here. `npm run build` builds it; the API is at /api.\n";

/** The dashboard, as it was built: open to all, since there is nothing in it but the program. */
export function dashboardRoutes(files: readonly PageFile[] | null): (app: App) => Promise<void> {
  return async (app) => {
    const page = pageIn(files);
    const hidden = { schema: { hide: true } };
    for (const path of PAGE_PATHS) {
      app.get(path, hidden, (request, reply) => {
        if (page === undefined) return reply.status(404).type("text/plain; charset=utf-8").send(NOT_BUILT);
        reply.header("content-security-policy", PAGE_POLICY).header("cache-control", "no-cache");
        return send(request, reply, page);
      });
    }
    for (const file of files ?? []) {
      if (file === page) continue;
      app.get(file.path, hidden, (request, reply) => {
        reply.header("cache-control", file.path.startsWith("/assets/") ? IMMUTABLE : "no-cache");
        return send(request, reply, file);
      });
    }
  };
}

/**
 * Answers a person in a browser who asks for an address that there is not: the page, which says so and leads back. Programs,
 * and whoever asks for an address of the API, read problems.
 */
export function missingAnswers(files: readonly PageFile[] | null): AnswerMissing {
  const page = pageIn(files);
  return ({ method, url, headers }, reply) => {
    const isRead = method === "GET" || method === "HEAD";
    if (page === undefined || !isRead || /^\/api(?:[/?]|$)/.test(url) || !takesHtml(headers.accept)) return false;
    reply
      .status(404)
      .header("content-security-policy", PAGE_POLICY)
      .header("cache-control", "no-store")
      .type(page.type)
      .send(page.body);
    return true;
  };
}

function pageIn(files: readonly PageFile[] | null): PageFile | undefined {
  return files?.find(({ path }) => path === "/index.html");
}

/** Browsers name it when a person opens an address; scripts and programs take anything, or name what they read. */
function takesHtml(accept: string | undefined): boolean {
  return (accept ?? "").split(",").some((type) => /^\s*text\/html\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(type));
}

function send(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const accepted = String(request.headers["accept-encoding"] ?? "")
    .split(",")
    .map((part) => part.trim().split(";")[0]);
  const encoded = file.encoded.find(({ name }) => accepted.includes(name));
  reply.header("vary", "accept-encoding").header("etag", `W/"${file.etag}"`);
  if (isKnown(request.headers["if-none-match"], `"${file.etag}"`)) return reply.status(304).send();
  if (encoded !== undefined) reply.header("content-encoding", encoded.name);
  return reply.type(file.type).send(encoded?.body ?? file.body);
}
