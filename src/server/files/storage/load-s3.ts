import { MilepostError } from "../../../core/errors.ts";

export type S3 = typeof import("@aws-sdk/client-s3");

/**
 * Loads the client for S3 when the first storage of that kind is opened.
 *
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install.
 */
export async function loadS3(load: () => Promise<S3> = () => import("@aws-sdk/client-s3")): Promise<S3> {
  try {
    return await load();
  } catch (cause) {
    const message = "files in S3 need the package @aws-sdk/client-s3; install it: npm install @aws-sdk/client-s3";
    throw new MilepostError("MISSING_DEPENDENCY", message, { details: { package: "@aws-sdk/client-s3" }, cause });
  }
}
