import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { UploadFacet } from "../../pipelines/uploads.ts";
import { keptText } from "../kept-text.ts";
import type { ServerSettings } from "../settings.ts";
import { BatchFolders } from "./batch-folders.ts";
import { requireRoom } from "./disk.ts";
import { Holdings } from "./holdings.ts";
import { HoldingsLog } from "./holdings-log.ts";
import { IndexFolders } from "./index-folders.ts";
import { openS3Storage, type S3Storage } from "./storage/s3-storage.ts";
import { Sweeper } from "./sweeper.ts";
import { type Allowance, requireAllowed } from "./upload-charge.ts";
import { Uploads } from "./uploads.ts";

export interface ServerFilesParts {
  readonly milepost: Milepost;
  readonly settings: ServerSettings;
  readonly facets: readonly UploadFacet[];
  /** Told of a sweep that failed. */
  readonly onError: (error: unknown) => void;
}

/** Everything of a server that lies in its folder of files, but its secret. */
export class ServerFiles {
  readonly uploads: Uploads;
  readonly batches: BatchFolders;
  readonly indexes: IndexFolders;
  readonly #folder: string;
  readonly #settings: ServerSettings;
  readonly #allowance: Allowance;
  readonly #sweeper: Sweeper;
  readonly #bucket: S3Storage | null;

  private constructor({ milepost, settings, facets, onError }: ServerFilesParts, bucket: S3Storage | null) {
    this.#bucket = bucket;
    const { files: folder, limits } = settings;
    this.#folder = folder;
    this.#settings = settings;
    const holdings = new Holdings();
    const log = new HoldingsLog({ folder: join(folder, "holdings"), holdings, now: () => Date.now() });
    this.#allowance = { holdings, log, most: limits.sessionBytes };
    this.uploads = new Uploads({
      folder: join(folder, "uploads"),
      limits,
      allowance: this.#allowance,
      accepts: (head, filename) =>
        facets.map((facet) => facet.accepts(head, filename)).find((type) => type !== null) ?? null,
    });
    this.batches = new BatchFolders({ folder: join(folder, "batches"), milepost, holdings, bucket });
    this.indexes = new IndexFolders({
      folder: join(folder, "indexes"),
      guards: join(folder, "guards"),
      milepost,
      holdings,
      onError,
    });
    this.#sweeper = new Sweeper({
      milepost,
      limits,
      holdings,
      log,
      uploads: this.uploads,
      batches: this.batches,
      indexes: this.indexes,
      onError,
    });
  }

  /**
   * Makes the folders, mends what a dead process left half-done, and begins to sweep.
   * @throws {MilepostError} `CONFLICT` for a folder of another store: its batches would be taken for deleted ones, and removed
   */
  static async open(parts: ServerFilesParts): Promise<ServerFiles> {
    const { milepost, settings } = parts;
    const store = await keptText(settings.files, "store", () => milepost.identity);
    if (store !== milepost.identity) {
      const advice = `Give another folder, or, if it is the same store at another place, delete ${join(settings.files, "store")}.`;
      throw new MilepostError("CONFLICT", `${settings.files} has the files of the store ${store}. ${advice}`);
    }
    for (const name of ["uploads", "batches", "indexes"]) {
      await mkdir(join(settings.files, name), { recursive: true, mode: 0o700 });
    }
    const bucket = settings.storage === null ? null : await openS3Storage(settings.storage);
    const files = new ServerFiles(parts, bucket);
    await files.#sweeper.start();
    return files;
  }

  /** Refused where the disk has no room for so much more, or the session all that it may have. @throws {Refusal} */
  async requireAllowance(owner: string, bytes: number): Promise<void> {
    await requireRoom(this.#folder, bytes, this.#settings.limits.freeBytes);
    if (owner === "") return;
    await this.batches.weigh(owner);
    await this.indexes.weigh(owner);
    await this.#allowance.log.hear(owner);
    requireAllowed(this.#allowance, owner, bytes);
  }

  /** Does what the sweep does each `sweepEveryMs`, now. */
  sweep(): Promise<void> {
    return this.#sweeper.sweep();
  }

  async close(): Promise<void> {
    await this.#sweeper.stop();
    await this.indexes.close();
    this.#bucket?.close();
  }
}
