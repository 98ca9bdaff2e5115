import type { FastifyReply, FastifyRequest } from "fastify";
import { toProblem } from "../wire/problem.ts";
import type { App } from "./context.ts";
import { answerProblem } from "./problems.ts";

/** An address that the server answers: a path with `:parameters`, and a method. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
}

/**
 * Keeps note of every route that is registered after this call, and answers what no route does: 405 with `Allow` where the path
 * exists with other methods, 404 elsewhere; before a body is read, whatever its kind. A path that is a route's word for word is none
 * of those that it could be with parameters.
 */
export function answerUnknown(app: App): readonly ServedRoute[] {
  const routes: ServedRoute[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url });
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404 && !isOther(request, routes)) return done();
    refuse(request, reply, routes);
  });
  app.setNotFoundHandler((request, reply) => refuse(request, reply, routes));
  return routes;
}

function refuse(request: FastifyRequest, reply: FastifyReply, routes: readonly ServedRoute[]): void {
  const path = pathOf(request);
  const exact = routes.filter((route) => route.path === path);
  const served = exact.length > 0 ? exact : routes.filter((route) => isOf(path, route.path));
  const allowed = new Set(served.map(({ method }) => method));
  if (allowed.size === 0) {
    answerProblem(reply, toProblem("not-found", "there is no such address"));
    return;
  }
  const allow = [...allowed].sort().join(", ");
  reply.header("allow", allow);
  answerProblem(reply, toProblem("method", `this address answers to ${allow}`));
}

function pathOf({ url }: FastifyRequest): string {
  return url.split(/[?#]/, 1)[0] ?? "";
}

/** True where a route with parameters would answer for a path that is another route's. */
function isOther(request: FastifyRequest, routes: readonly ServedRoute[]): boolean {
  if (request.routeOptions.url?.includes(":") !== true) return false;
  const path = pathOf(request);
  return routes.some((route) => route.path === path);
}

/** Whether a path is one of a route's: equal, but for its parameters. */
function isOf(path: string, route: string): boolean {
  const [given, declared] = [path.split("/"), route.split("/")];
  if (given.length !== declared.length) return false;
  return declared.every((part, index) => (part.startsWith(":") ? given[index] !== "" : part === given[index]));
}
