import { freePort } from "../../test/support/free-port.ts";
import { type Server, ServerMissing, startServer, versionOf } from "./server.ts";

/** What Redis keeps on disk: nothing, or every change, synced once a second. */
const REDIS_MODES = {
  "nothing on disk": ["--appendonly", "no"],
  "AOF everysec": ["--appendonly", "yes", "--appendfsync", "everysec"],
} as const;

export type RedisMode = keyof typeof REDIS_MODES;

/**
 * Starts a Redis of the bench's own in `folder`, or takes the one at REDIS_URL, which keeps what its owner decided.
 * @throws {ServerMissing} where there is neither.
 */
export async function startRedis(folder: string, mode: RedisMode): Promise<Server> {
  const { REDIS_URL } = process.env;
  if (REDIS_URL !== undefined) return { location: REDIS_URL, about: "the Redis at REDIS_URL", stop: async () => {} };
  const version = versionOf("redis-server");
  if (version === null) throw new ServerMissing("set REDIS_URL, or install redis-server");
  const port = await freePort();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...REDIS_MODES[mode]];
  const stop = await startServer("redis-server", options, {
    ready: "Ready to accept connections",
    stopSignal: "SIGTERM",
  });
  return { location: `redis://127.0.0.1:${port}`, about: `Redis ${version}, ${mode}`, stop };
}
