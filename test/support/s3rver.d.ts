/** What the tests use of s3rver, which has no types of its own. */
declare module "@20minutes/s3rver" {
  class S3rver {
    constructor(options?: Readonly<Record<string, unknown>>);
    run(): Promise<{ readonly port: number }>;
    close(): Promise<void>;
  }
  export default S3rver;
}
