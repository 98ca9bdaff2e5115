import { countVerdicts, decideRequest, type VerdictCounts, type VerdictKind } from "../../core/request.ts";
import type { SubmissionRequest } from "../../ports/store.ts";
import type { Connection, Statement } from "./connection.ts";
import type { Transaction } from "./transaction.ts";

type RequestTuple = readonly [
  batch: number,
  fingerprint: string,
  submission: string,
  isWhole: boolean,
  added: number,
  known: number,
  duplicate: number,
];

/** Submissions that their callers named. Submissions without a name cost nothing here. */
export class Requests {
  readonly #find: Statement<RequestTuple>;
  readonly #keep: Statement;
  readonly #drop: Statement;

  constructor(connection: Connection) {
    this.#find =
      connection.query<RequestTuple>(`SELECT r.batch, r.fingerprint, r.submission, r.is_whole, r.added, r.known,
      r.duplicate FROM @requests AS r JOIN @batches AS b ON b.number = r.batch
      WHERE r.owner = $1 AND r.key = $2 AND NOT b.is_removing`);
    this.#keep = connection.query(`INSERT INTO @requests
      (owner, key, batch, fingerprint, submission, is_whole, added, known, duplicate)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (owner, key) DO UPDATE SET batch = excluded.batch,
      fingerprint = excluded.fingerprint, submission = excluded.submission, is_whole = excluded.is_whole,
      added = excluded.added, known = excluded.known, duplicate = excluded.duplicate`);
    this.#drop = connection.query("DELETE FROM @requests WHERE owner = $1 AND key = $2");
  }

  /** What is kept of a request: of a whole one, or of the very submission that is under way. Others are refused. */
  async find(tx: Transaction, owner: string, request: SubmissionRequest, batch: number | null) {
    const row = await tx.get(this.#find, owner, request.key);
    if (row === undefined) return null;
    const known = { batch: row[0], fingerprint: row[1], submission: row[2], isWhole: row[3] };
    const decision = decideRequest(known, request, batch);
    const counts: VerdictCounts = { added: row[4], known: row[5], duplicate: row[6] };
    return { batch: row[0], isRepeat: decision === "repeat", counts };
  }

  /** Keeps how far the submission has come. `before`: what its earlier chunks counted. */
  keep(
    tx: Transaction,
    batch: { readonly number: number; readonly owner: string },
    request: SubmissionRequest,
    seen: { readonly before: VerdictCounts | null; readonly verdicts: readonly VerdictKind[] },
  ): void {
    if (request.state === "given-up") {
      tx.send(this.#drop, batch.owner, request.key);
      return;
    }
    const { added, known, duplicate } = countVerdicts(seen.verdicts, seen.before ?? undefined);
    const { key, fingerprint, id, state } = request;
    tx.send(this.#keep, batch.owner, key, batch.number, fingerprint, id, state === "whole", added, known, duplicate);
  }
}
