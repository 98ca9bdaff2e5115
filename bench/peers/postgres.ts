import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";
import { type Server, ServerMissing, startServer, versionOf } from "./server.ts";

/** Where Debian keeps what it does not put on the PATH. */
const DEBIAN = "/usr/lib/postgresql";
/** Users that may run PostgreSQL where the bench runs as root, which PostgreSQL refuses to. */
const USERS = ["postgres", "nobody"];

/**
 * More memory than PostgreSQL takes by itself, and commits that do not wait for the disk: what Milepost's records of running
 * work do not wait for either. A crash of PostgreSQL itself may lose the last moments; nothing is damaged.
 */
const SETTINGS = { shared_buffers: "1GB", max_wal_size: "8GB", synchronous_commit: "off" };

/**
 * Starts a PostgreSQL of the bench's own, or takes the one at DATABASE_URL as it is.
 * @throws {ServerMissing} where there is neither.
 */
export async function startPostgres(): Promise<Server> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL !== undefined) {
    return { location: DATABASE_URL, about: "the PostgreSQL at DATABASE_URL", stop: async () => {} };
  }
  const programs = findPrograms();
  const version = versionOf(join(programs, "postgres"));
  if (version === null) throw new ServerMissing("set DATABASE_URL, or install PostgreSQL");
  const user = findUser();
  // Not in the folder of the bench: PostgreSQL's user could not enter that.
  const folder = mkdtempSync(join(tmpdir(), "milepost-bench-postgres-"));
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const said = Object.entries(SETTINGS).map(([name, value]) => `${name} ${value}`);
  const data = join(folder, "data");
  const port = await freePort();
  try {
    initialize(join(programs, "initdb"), data, user);
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const options = ["-D", data, "-p", `${port}`, "-k", folder, "-c", "listen_addresses=127.0.0.1", ...settings];
    const stop = await startServer(join(programs, "postgres"), options, {
      ready: "database system is ready",
      stopSignal: "SIGINT",
      cwd: folder,
      ...user,
    });
    return {
      location: `postgres://bench@127.0.0.1:${port}/postgres`,
      about: `PostgreSQL ${version}, ${said.join(", ")}`,
      stop: async () => {
        await stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

type User = { readonly uid: number; readonly gid: number };

function initialize(initdb: string, data: string, user: User | null): void {
  const args = ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"];
  const { status, stderr } = spawnSync(initdb, args, { encoding: "utf8", cwd: dirname(data), ...user });
  if (status !== 0) throw new ServerMissing(`${initdb} ended with status ${status}: ${stderr.trim()}`);
}

/** The folder of PostgreSQL's programs; empty: on the PATH. */
function findPrograms(): string {
  if (versionOf("initdb") !== null && versionOf("postgres") !== null) return "";
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  return versions[0] === undefined ? "" : join(DEBIAN, versions[0], "bin");
}

/** Null: this process's own. */
function findUser(): User | null {
  if (process.getuid?.() !== 0) return null;
  for (const user of USERS) {
    const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, user], { encoding: "utf8" }));
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new ServerMissing(`PostgreSQL does not run as root, and there is no user ${USERS.join(" or ")}`);
}
