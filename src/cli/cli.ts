import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import type { Milepost } from "../engine/milepost.ts";
import { escapeText } from "../format/escape.ts";
import type { Logger } from "../ports/logger.ts";
import { withoutPassword } from "../stores/postgres/location.ts";
import { columnsOf, type Io } from "./io.ts";
import { shellQuote } from "./shell-quote.ts";

const DEFAULT_STORE = ".milepost/milepost.db";

/** Options that every verb has. */
export interface CommonOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** What verbs share: output, the store, and the status the process will end with. */
export class Cli {
  readonly io: Io;
  readonly argv: readonly string[];
  status = 0;
  /** The live screen that holds stderr now. */
  screen: { persist(text: string): void } | null = null;

  constructor(io: Io, argv: readonly string[]) {
    this.io = io;
    this.argv = argv;
  }

  /** A line of results. Text from outside must be escaped already. */
  line(text = ""): void {
    this.io.stdout.write(`${text}\n`);
  }

  lines(texts: readonly string[]): void {
    if (texts.length > 0) this.line(texts.join("\n"));
  }

  /** One JSON document on one line, so that many make JSON lines. */
  json(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** A line about progress, on stderr. Where a live screen stands there, it moves above it. */
  note(text: string): void {
    if (this.screen === null) this.io.stderr.write(`${text}\n`);
    else this.screen.persist(text);
  }

  /** Columns that a table on stdout may take; null where it is not a terminal. */
  get columns(): number | null {
    return this.io.stdout.isTTY === true ? columnsOf(this.io.stdout) : null;
  }

  /** `--store`, else MILEPOST_STORE, else `.milepost/milepost.db` in the current folder. Absolute, unless it is no path. */
  storeLocation(options: CommonOptions): string {
    const given = options.store ?? (this.io.env.MILEPOST_STORE || undefined) ?? DEFAULT_STORE;
    if (given === "") throw new MilepostError("INVALID_ARGUMENT", "--store needs a path that is not empty");
    return isPath(given) ? resolve(this.io.cwd, given) : given;
  }

  /** False where the store is a file that is not there. Whether a server answers shows only when it is opened. */
  hasStore(options: CommonOptions): boolean {
    const location = this.storeLocation(options);
    return !isPath(location) || existsSync(location);
  }

  /**
   * Opens the store, hands it to `use`, and closes it whatever happens.
   *
   * @throws {MilepostError} `STORE_UNAVAILABLE` if there is none and `create` is not set.
   */
  async withStore<T>(
    options: CommonOptions & { readonly create?: boolean; readonly logger?: Logger },
    use: (milepost: Milepost) => Promise<T>,
  ): Promise<T> {
    const location = this.storeLocation(options);
    const create = options.create === true;
    if (!create && !this.hasStore(options)) {
      throw new MilepostError(
        "STORE_UNAVAILABLE",
        `there is no store at ${location}; run something first, or name the store with --store`,
      );
    }
    const { openMilepost } = await import("../open-milepost.ts");
    await using milepost = await openMilepost(location, {
      mustExist: !create,
      logger: options.logger ?? this.logger(),
    });
    return await use(milepost);
  }

  /** What the engine tells its operator becomes notes; what is only of interest in a search for a mistake, with MILEPOST_DEBUG. */
  logger(): Logger {
    const write = (message: string, details: Readonly<Record<string, unknown>> = {}): void => {
      const more = Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`;
      this.note(escapeText(`milepost: ${message}${more}`));
    };
    return { info: this.io.env.MILEPOST_DEBUG ? write : () => {}, warn: write, error: write };
  }

  /** A command for the user to type, with `--store` where this one needed it; a password is left out. */
  hint(options: CommonOptions, ...words: readonly string[]): string {
    const store = options.store === undefined ? [] : ["--store", withoutPassword(options.store)];
    return ["milepost", ...words, ...store].map(shellQuote).join(" ");
  }
}

export function isPath(location: string): boolean {
  return location !== "memory:" && !/^[a-z][a-z0-9+.-]+:\/\//i.test(location);
}
