import { refusal } from "../problems.ts";
import type { Holdings } from "./holdings.ts";
import type { HoldingsLog } from "./holdings-log.ts";

/** While a file comes, other servers are told of it in pieces of this size. */
const TOLD_BYTES = 8_388_608;

/** What counts the files that a session has lying here, at this server and at all of the folder. */
export interface Allowance {
  readonly holdings: Holdings;
  readonly log: HoldingsLog;
  /** What a session may have lying here. */
  readonly most: number;
}

/** Refused where a session has more lying here than it may. @throws {Refusal} `too-large` */
export function requireAllowed({ holdings, most }: Allowance, owner: string, more = 0): void {
  if (holdings.total(owner) + more <= most) return;
  throw refusal(
    "too-large",
    `all that a session has lying here may be ${most} bytes; remove some, or wait for the clean-up`,
  );
}

/** Counts files of a session no more. What cannot be told, as on a full disk, is found out by the next sweep of each server. */
export async function giveBack({ holdings, log }: Allowance, owner: string, fileIds: readonly string[]): Promise<void> {
  for (const fileId of fileIds) holdings.set(owner, fileId, 0);
  if (owner === "" || fileIds.length === 0) return;
  const gone = fileIds.map((fileId) => [fileId, 0] as const);
  await log.tell(owner, gone).catch(() => {});
}

/** The files of one request on their way in, as they count towards what their session may have lying here. The operator may have all. */
export class UploadCharge {
  readonly #allowance: Allowance;
  readonly #owner: string;
  readonly #came = new Map<string, number>();
  readonly #told = new Map<string, number>();

  constructor(allowance: Allowance, owner: string) {
    this.#allowance = allowance;
    this.#owner = owner;
  }

  /** So much of a file has come. @throws {Refusal} `too-large` */
  async add(fileId: string, bytes: number): Promise<void> {
    this.#came.set(fileId, bytes);
    this.#allowance.holdings.set(this.#owner, fileId, bytes);
    if (this.#owner === "") return;
    requireAllowed(this.#allowance, this.#owner);
    if (bytes - (this.#told.get(fileId) ?? 0) >= TOLD_BYTES) await this.#tell([[fileId, bytes]]);
  }

  /** All of them have come: once this resolves, every server counts them. @throws {Refusal} `too-large` */
  async settle(): Promise<void> {
    if (this.#owner !== "") await this.#tell([...this.#came]);
  }

  /** None of them is kept. */
  async cancel(): Promise<void> {
    for (const fileId of this.#came.keys()) this.#allowance.holdings.set(this.#owner, fileId, 0);
    await giveBack(this.#allowance, this.#owner, [...this.#told.keys()]);
  }

  async #tell(files: readonly (readonly [string, number])[]): Promise<void> {
    for (const [fileId, bytes] of files) this.#told.set(fileId, bytes);
    await this.#allowance.log.tell(this.#owner, files);
    requireAllowed(this.#allowance, this.#owner);
  }
}
