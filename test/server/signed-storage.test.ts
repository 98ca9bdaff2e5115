import dns from "node:dns";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { openS3Storage, type S3Storage } from "../../src/server/files/storage/s3-storage.ts";
import { BUCKET, type Credentials, SignedS3 } from "./support/signed-s3.ts";

const MIB = 1_048_576;
const REGION = "eu-central-1";
const OURS: Credentials = { key: "OURS", secret: "not/a+secret", token: null, region: REGION };

beforeEach(() => {
  for (const name of ["AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", OURS.key);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", OURS.secret);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function start(credentials: Credentials = OURS): Promise<{ readonly server: SignedS3; readonly port: number }> {
  const server = new SignedS3(credentials);
  const port = await server.listen();
  onTestFinished(() => server.close());
  return { server, port };
}

async function open(port: number, region = REGION): Promise<S3Storage> {
  const query = new URLSearchParams({ endpoint: `http://127.0.0.1:${port}`, region });
  const storage = await openS3Storage(`s3://${BUCKET}/a/prefix?${query}`);
  onTestFinished(() => storage.close());
  return storage;
}

async function* pieces(...all: readonly (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) yield Buffer.from(piece);
}

async function read(storage: S3Storage, key: string): Promise<string | null> {
  const file = await storage.open(key);
  return file === null ? null : String(await buffer(await file.read()));
}

test("every kind of request is signed, by the bucket's path, whatever the key", async () => {
  const { server, port } = await start();
  const storage = await open(port);
  const key = "b1/out/空 (ü)+%'*!&=.png";
  await storage.put(key, pieces("small"));
  expect(await read(storage, key)).toBe("small");
  expect(await read(storage, "none")).toBeNull();
  expect(await storage.put("large", pieces(Buffer.alloc(9 * MIB)))).toEqual({ bytes: 9 * MIB });
  expect(server.files.get("a/prefix/large")?.length).toBe(9 * MIB);
  expect(server.uploads.size).toBe(0);
  for (const asked of server.asked) expect(asked).toMatch(/^127\.0\.0\.1\/files\/a\/prefix\//);
});

test("without an endpoint in the address the bucket is part of the host's name", async () => {
  const { server, port } = await start();
  vi.spyOn(dns, "lookup").mockImplementation(((
    name: string,
    options: { all?: boolean },
    done: (...all: unknown[]) => void,
  ) => {
    if (!name.endsWith("localhost")) done(new Error(`${name} was not expected`));
    else if (options.all === true) done(null, [{ address: "127.0.0.1", family: 4 }]);
    else done(null, "127.0.0.1", 4);
  }) as never);
  vi.stubEnv("AWS_ENDPOINT_URL_S3", `http://localhost:${port}`);
  const storage = await openS3Storage(`s3://${BUCKET}/a?region=${REGION}`);
  onTestFinished(() => storage.close());
  await storage.put("key", pieces("text"));
  expect(await read(storage, "key")).toBe("text");
  expect(new Set(server.asked)).toEqual(new Set([`${BUCKET}.localhost/a/key`]));
});

test("the token of a session is passed on", async () => {
  const { port } = await start({ ...OURS, token: "a/session+token==" });
  vi.stubEnv("AWS_SESSION_TOKEN", "a/session+token==");
  const storage = await open(port);
  await storage.put("key", pieces("text"));
  expect(await read(storage, "key")).toBe("text");
});

test("a wrong secret, key or region is said in one line with what to look at, and no secret", async () => {
  const { server, port } = await start();
  const refusalOf = async (region?: string): Promise<Error> => {
    const storage = await open(port, region);
    const [put, got] = await Promise.all(
      [storage.put("key", pieces("text")), storage.open("key")].map((call) => call.catch((error: unknown) => error)),
    );
    expect(got).toMatchObject({ code: "STORE_UNSUPPORTED" });
    expect(put).toMatchObject({ code: "STORE_UNSUPPORTED", retryable: false });
    const { message } = put as Error;
    expect(message).toContain(`files in s3://${BUCKET}/a/prefix/: `);
    expect(message).not.toMatch(/\n|wrong/);
    return put as Error;
  };
  expect((await refusalOf("us-east-1")).message).toContain("Check the region");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong");
  expect((await refusalOf()).message).toMatch(/SignatureDoesNotMatch.*Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "wrong");
  expect((await refusalOf()).message).toContain("InvalidAccessKeyId");
  expect([server.files.size, server.uploads.size]).toEqual([0, 0]);
});

test("an upload that is cut off leaves nothing, and may be tried again", async () => {
  const { server, port } = await start();
  const storage = await open(port);
  server.breaksFrom = 2;
  const large = () => pieces(Buffer.alloc(12 * MIB));
  await expect(storage.put("key", large())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  expect([server.files.size, server.uploads.size]).toEqual([0, 0]);
  server.breaksFrom = Number.POSITIVE_INFINITY;
  await storage.put("key", large());
  expect(server.files.get("a/prefix/key")?.length).toBe(12 * MIB);
});

test("a server that is not there can be tried again; a bucket that is not there cannot", async () => {
  const { port } = await start();
  const nowhere = await open(1);
  await expect(nowhere.put("key", pieces("text"))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  const query = new URLSearchParams({ endpoint: `http://127.0.0.1:${port}`, region: REGION });
  const storage = await openS3Storage(`s3://others?${query}`);
  onTestFinished(() => storage.close());
  await expect(storage.put("key", pieces("text"))).rejects.toMatchObject({ code: "STORE_GONE" });
});
