import { MilepostError } from "../../../core/errors.ts";

/** `s3://bucket/prefix?endpoint=…&region=…`, taken apart. */
export interface S3Location {
  readonly bucket: string;
  /** What all keys begin with: empty, or with a slash at its end. */
  readonly prefix: string;
  /** Of storage that is not Amazon's; null for Amazon's own. */
  readonly endpoint: string | null;
  /** Null: as the environment says. */
  readonly region: string | null;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const OPTIONS = ["endpoint", "region"];

/** @throws {MilepostError} `INVALID_ARGUMENT` for what is no such address, or names credentials: those come from the environment */
export function toS3Location(text: string): S3Location {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.protocol !== "s3:" || !BUCKET.test(url.hostname)) {
    throw refused("an address such as s3://bucket/prefix?region=eu-central-1");
  }
  if (url.username !== "" || url.password !== "") {
    throw refused("no credentials in the address; put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  const stranger = [...url.searchParams.keys()].find((name) => !OPTIONS.includes(name));
  if (stranger !== undefined) throw refused(`no option but ${OPTIONS.join(" and ")} in the address`);
  const endpoint = url.searchParams.get("endpoint");
  if (endpoint !== null && !/^https?:\/\/[^/]+\/?$/.test(endpoint))
    throw refused("an endpoint such as https://host:9000");
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, "");
  return {
    bucket: url.hostname,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint,
    region: url.searchParams.get("region"),
  };
}

function refused(expected: string): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", `files in S3: expected ${expected}`);
}
