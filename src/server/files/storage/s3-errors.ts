import { type ErrorCode, MilepostError } from "../../../core/errors.ts";

const CREDENTIALS =
  "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and what they may do in the bucket.";
const REGION = "Check the region in its address, or AWS_REGION.";

/** What S3 names so, or its client before it asked. */
const BY_NAME: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  CredentialsProviderError: ["STORE_UNSUPPORTED", CREDENTIALS],
  NoSuchBucket: ["STORE_GONE", "Make the bucket, or name one that is there."],
  AuthorizationHeaderMalformed: ["STORE_UNSUPPORTED", REGION],
  PermanentRedirect: ["STORE_UNSUPPORTED", REGION],
  ExpiredToken: ["STORE_UNSUPPORTED", CREDENTIALS],
  InvalidToken: ["STORE_UNSUPPORTED", CREDENTIALS],
  // The answer to HEAD has no body that could tell more; what has one is named by it.
  Unknown: ["STORE_UNSUPPORTED", `${REGION} ${CREDENTIALS}`],
};
const TRY_AGAIN = ["STORE_UNAVAILABLE", "Try again."] as const;

/** Names in one line what went wrong with storage. What neither it nor the network reported passes unchanged. */
export function toStorageError(error: unknown, shown: string): unknown {
  if (!(error instanceof Error) || error instanceof MilepostError) return error;
  const status = statusOf(error);
  const isNamed = error.name !== "Unknown" || status === 400;
  const found = (isNamed ? BY_NAME[error.name] : undefined) ?? meaningOf(status, error);
  if (found === null) return error;
  const [code, advice] = found;
  const said = [error.name, error.message].filter((text, index, all) => text !== "" && all.indexOf(text) === index);
  const line = said.join(": ").replace(/\s+/g, " ");
  const details = status === null ? {} : { status };
  return new MilepostError(code, `files in ${shown}: ${line}. ${advice}`, { details, cause: error });
}

function meaningOf(status: number | null, error: Error): readonly [ErrorCode, string] | null {
  if (status === null) return isOfNetwork(error) ? TRY_AGAIN : null;
  if (status === 401 || status === 403) return ["STORE_UNSUPPORTED", CREDENTIALS];
  if (status === 301) return ["STORE_UNSUPPORTED", REGION];
  return status >= 500 || status === 429 ? TRY_AGAIN : null;
}

function statusOf(error: Error): number | null {
  if (!("$metadata" in error) || typeof error.$metadata !== "object" || error.$metadata === null) return null;
  const { httpStatusCode } = error.$metadata as { readonly httpStatusCode?: unknown };
  return typeof httpStatusCode === "number" ? httpStatusCode : null;
}

function isOfNetwork(error: Error): boolean {
  return error.name === "TimeoutError" || ("code" in error && /^E[A-Z_]+$/.test(String(error.code)));
}
