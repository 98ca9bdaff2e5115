import type { Problem } from "../wire/problem.ts";

/** A refusal of the server, with what it said (RFC 9457). `type` tells programs what it is: `/problems/not-found`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly problem: Problem;
  /** Seconds after which the server asks to try again; null: it did not say. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null = null) {
    super(problem.detail || problem.title);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get status(): number {
    return this.problem.status;
  }

  get type(): string {
    return this.problem.type;
  }
}

/** What an answer that is no success says; something like it where a proxy answered in the server's place. */
export function toApiError(status: number, body: string, retryAfter: string | null): ApiError {
  return new ApiError(
    toProblem(status, body),
    retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null,
  );
}

function toProblem(status: number, body: string): Problem {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "type" in parsed && "title" in parsed) {
      return { detail: "", ...(parsed as Omit<Problem, "status" | "detail">), status };
    }
  } catch {
    // Not of this server: told by its status alone.
  }
  return { type: "about:blank", title: `HTTP status ${status}`, status, detail: body.slice(0, 200) };
}
