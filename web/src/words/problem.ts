import { ApiError } from "../../../src/client/client.ts";

/** A refusal as it is shown: what was refused, and why. */
export interface ShownProblem {
  readonly title: string;
  readonly detail: string;
}

const AWAY: ShownProblem = {
  title: "The server does not answer",
  detail: "nothing was changed as far as is known. The page comes back by itself; try again then.",
};

export function showProblem(error: unknown): ShownProblem {
  if (error instanceof ApiError) {
    const { title, detail } = error.problem;
    const again = error.retryAfter === null ? [] : [`try again in ${error.retryAfter} s`];
    return { title, detail: [detail, ...again].filter((part) => part !== "").join("; ") };
  }
  // What fetch throws where there is no answer.
  if (error instanceof TypeError) return AWAY;
  throw error;
}
