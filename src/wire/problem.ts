import { z } from "zod";

/**
 * Every kind of refusal that the API knows, as problem details (RFC 9457). The `type` of a problem is `/problems/<name>`;
 * programs tell problems apart by it, people read `title` and `detail`.
 */
export const PROBLEMS = {
  malformed: { status: 400, title: "The request cannot be read" },
  session: { status: 401, title: "This needs a session of its own or the operator's token" },
  "cross-site": { status: 403, title: "Another site may not do this" },
  host: { status: 403, title: "This server does not go by that name" },
  "not-found": { status: 404, title: "There is no such thing" },
  method: { status: 405, title: "That method does not exist here" },
  conflict: { status: 409, title: "What is there does not allow it" },
  "too-large": { status: 413, title: "That is more than is accepted" },
  uri: { status: 414, title: "The address is too long" },
  "media-type": { status: 415, title: "That kind of content is not accepted" },
  range: { status: 416, title: "The file has no such part" },
  validation: { status: 422, title: "The request does not say what it must" },
  "rate-limited": { status: 429, title: "Too much at once" },
  internal: { status: 500, title: "Something went wrong here" },
  store: { status: 503, title: "The store does not answer" },
  "storage-full": { status: 507, title: "There is no room left" },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

export const problemSchema = z
  .object({
    /** `/problems/<name>`. */
    type: z.string(),
    title: z.string(),
    status: z.int(),
    /** What was expected, what was found, what to do. */
    detail: z.string(),
    /** What is wrong where, for a body that does not match its schema. */
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "Why a request was refused (RFC 9457)" });

/** Why a request was refused (RFC 9457). */
export type Problem = z.infer<typeof problemSchema>;

/** The body of a refusal. */
export function toProblem(name: ProblemName, detail: string, errors?: Problem["errors"]): Problem {
  const { status, title } = PROBLEMS[name];
  return { type: `/problems/${name}`, title, status, detail, ...(errors !== undefined && { errors }) };
}
