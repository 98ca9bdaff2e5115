import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { type ErrorCode, MilepostError } from "../core/errors.ts";
import { type Problem, type ProblemName, toProblem } from "../wire/problem.ts";

/** A refusal on its way out: thrown by routes, answered as problem details. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: ProblemName;
  readonly errors: Problem["errors"];
  /** When the same request may go well, where that is known. */
  readonly retryAfterS: number | undefined;

  constructor(problem: ProblemName, detail: string, errors?: Problem["errors"], retryAfterS?: number) {
    super(detail);
    this.problem = problem;
    this.errors = errors;
    this.retryAfterS = retryAfterS;
  }
}

export function refusal(problem: ProblemName, detail: string, errors?: Problem["errors"]): Refusal {
  return new Refusal(problem, detail, errors);
}

/** How errors of the engine are answered. A new code does not compile until it stands here. */
const PROBLEM_OF: Readonly<Record<ErrorCode, ProblemName>> = {
  INVALID_ARGUMENT: "validation",
  NOT_FOUND: "not-found",
  CONFLICT: "conflict",
  LEASE_LOST: "conflict",
  CLOSED: "store",
  HANDLER: "validation",
  NOT_JSON: "validation",
  MISSING_DEPENDENCY: "internal",
  STORE_UNAVAILABLE: "store",
  STORE_FULL: "storage-full",
  STORE_READ_ONLY: "store",
  STORE_CORRUPT: "store",
  STORE_SCHEMA: "store",
  STORE_UNSUPPORTED: "store",
  STORE_GONE: "store",
};

/** Errors of Fastify and its plugins by their status. */
const PROBLEM_OF_STATUS: Readonly<Record<number, ProblemName>> = {
  400: "malformed",
  401: "session",
  404: "not-found",
  405: "method",
  408: "malformed",
  413: "too-large",
  414: "uri",
  415: "media-type",
  429: "rate-limited",
};

/** What may go well a little later. */
const RETRIED: ReadonlySet<number> = new Set([429, 503, 507]);
/** In seconds, where nobody knows better. */
const RETRY_AFTER_S = 5;

/** Answers with problem details, and never with more of an unexpected error than that there was one. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemFrom(error);
  if (error instanceof Refusal && error.retryAfterS !== undefined) reply.header("retry-after", error.retryAfterS);
  if (problem.status >= 500) request.log.error({ err: error }, "a request failed");
  return answerProblem(reply, problem);
}

export function answerProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (RETRIED.has(problem.status) && !reply.hasHeader("retry-after")) reply.header("retry-after", RETRY_AFTER_S);
  return reply
    .status(problem.status)
    .header("cache-control", "no-store")
    .type("application/problem+json")
    .send(JSON.stringify(problem));
}

function problemFrom(error: unknown): Problem {
  if (error instanceof Refusal) return toProblem(error.problem, error.message, error.errors);
  if (error instanceof MilepostError) return toProblem(PROBLEM_OF[error.code], error.message);
  if (hasZodFastifySchemaValidationErrors(error)) return fromValidation(error);
  const { statusCode, message } = error as Partial<FastifyError>;
  const name = statusCode === undefined ? undefined : PROBLEM_OF_STATUS[statusCode];
  if (name !== undefined) return toProblem(name, message ?? "");
  return toProblem("internal", "the server's log says more");
}

/** What is wrong in a path or a query makes the request unreadable; what is wrong in a body, invalid. */
function fromValidation(error: {
  readonly validation: readonly { readonly instancePath: string; readonly message?: string | undefined }[];
  readonly validationContext?: string | undefined;
}): Problem {
  const errors = error.validation.map(({ instancePath, message }) => ({
    path: instancePath || "/",
    message: message ?? "is not valid",
  }));
  const [first] = errors;
  const where = error.validationContext ?? "request";
  const detail = `${where} ${first?.path ?? "/"}: ${first?.message ?? "is not valid"}`;
  return toProblem(where === "body" ? "validation" : "malformed", detail, errors);
}
