import { statfsSync } from "node:fs";
import { MilepostError } from "../../core/errors.ts";

/** Type numbers of statfs(2) for file systems whose locks and shared memory do not hold between machines. */
export const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x5346414f, "AFS"],
  [0x564c, "NCP"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
]);

/** @throws {MilepostError} `STORE_UNSUPPORTED` if `folder` lies on a network file system: SQLite's WAL is not safe there. */
export function refuseNetworkFileSystem(folder: string, typeOf = (path: string) => statfsSync(path).type): void {
  const name = NETWORK_FILE_SYSTEMS.get(typeOf(folder) >>> 0);
  if (name === undefined) return;
  throw new MilepostError(
    "STORE_UNSUPPORTED",
    `a SQLite store must lie on a local disk; found ${name} under ${folder}. Choose a local folder, or a PostgreSQL store.`,
    { details: { folder, fileSystem: name } },
  );
}
