import S3rver from "@20minutes/s3rver";
import { temporaryFolder } from "../../support/open-for-test.ts";

export interface S3Server {
  /** Where a storage in its bucket is. */
  readonly location: (prefix: string) => string;
  readonly stop: () => Promise<void>;
}

/** A server that speaks S3, with one bucket; its credentials are put into the environment. */
export async function startS3(): Promise<S3Server> {
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    // It leaves out the slash after a bucket's name when it checks what was signed.
    allowMismatchedSignatures: true,
    directory: temporaryFolder(),
    configureBuckets: [{ name: "files" }],
  });
  const { port } = await server.run();
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" });
  const query = new URLSearchParams({ endpoint: `http://127.0.0.1:${port}`, region: "eu-central-1" });
  return { location: (prefix) => `s3://files/${prefix}?${query}`, stop: () => server.close() };
}
