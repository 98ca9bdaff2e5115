import type { FastifyReply, FastifyRequest } from "fastify";
import { toProblem } from "../wire/problem.ts";
import type { App } from "./context.ts";
import { answerProblem } from "./problems.ts";

/** An address that the server answers: a path with `:parameters`, and a method. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
}

/** Answers a request for an address that there is not, unless a problem says it better: then it is false. */
export type AnswerMissing = (request: FastifyRequest, reply: FastifyReply) => boolean;

/**
 * Keeps note of every route that is registered after this call, and answers what no route does: 405 with `Allow` where the path
 * exists with other methods, 404 elsewhere; before a body is read, whatever its kind. A path that is a route's word for word is none
 * of those that it could be with parameters.
 */
export function answerUnknown(app: App, answerMissing: AnswerMissing): readonly ServedRoute[] {
  const routes: ServedRoute[] = [];
  const refuse = (request: FastifyRequest, reply: FastifyReply): void => {
    const allowed = methodsOf(pathOf(request), routes);
    if (allowed.length > 0) {
      const allow = allowed.join(", ");
      reply.header("allow", allow);
      answerProblem(reply, toProblem("method", `this address answers to ${allow}`));
    } else if (!answerMissing(request, reply)) {
      answerProblem(reply, toProblem("not-found", "there is no such address"));
    }
  };
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url });
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404 && !isOther(request, routes)) return done();
    refuse(request, reply);
  });
  app.setNotFoundHandler(refuse);
  return routes;
}

function methodsOf(path: string, routes: readonly ServedRoute[]): readonly string[] {
  const exact = routes.filter((route) => route.path === path);
  const served = exact.length > 0 ? exact : routes.filter((route) => isOf(path, route.path));
  return [...new Set(served.map(({ method }) => method))].sort();
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
