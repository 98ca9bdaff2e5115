import { countVerdicts, decideRequest, type VerdictCounts, type VerdictKind } from "../../core/request.ts";
import type { BatchSpec, SubmissionRequest } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";

type RequestTuple = readonly [
  batch: number,
  fingerprint: string,
  submission: string,
  isWhole: number,
  added: number,
  known: number,
  duplicate: number,
];

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    ownerOf: connection.query<[string]>("SELECT owner FROM batches WHERE number = ?"),
    find: connection.query<RequestTuple>(`SELECT batch, fingerprint, submission, is_whole, added, known, duplicate
    FROM requests JOIN batches ON number = batch WHERE requests.owner = ? AND key = ? AND is_removing = 0`),
    keep: connection.query(`INSERT OR REPLACE INTO requests
    (owner, key, batch, fingerprint, submission, is_whole, added, known, duplicate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    drop: connection.query("DELETE FROM requests WHERE owner = ? AND key = ?"),
  };
}

/** Submissions that their callers named. Submissions without a name cost nothing here. */
export class Requests {
  readonly #queries: Queries;

  constructor(connection: Connection) {
    this.#queries = prepareQueries(connection);
  }

  /** What is kept of a request: of a whole one, or of the very submission that is under way. Others are refused. */
  find(batch: BatchSpec | number, request: SubmissionRequest) {
    const owner = typeof batch === "number" ? this.#queries.ownerOf.get(batch)?.[0] : batch.owner;
    const row = owner === undefined ? undefined : this.#queries.find.get(owner, request.key);
    if (row === undefined) return null;
    const known = { batch: row[0], fingerprint: row[1], submission: row[2], isWhole: row[3] === 1 };
    const decision = decideRequest(known, request, typeof batch === "number" ? batch : null);
    const counts: VerdictCounts = { added: row[4], known: row[5], duplicate: row[6] };
    return { batch: row[0], isRepeat: decision === "repeat", counts };
  }

  /** Keeps how far the submission has come. `before`: what its earlier chunks counted. */
  keep(
    batch: number,
    request: SubmissionRequest,
    seen: { readonly before: VerdictCounts | null; readonly verdicts: readonly VerdictKind[] },
  ): void {
    const owner = this.#queries.ownerOf.get(batch)?.[0] ?? "";
    if (request.state === "given-up") {
      this.#queries.drop.run(owner, request.key);
      return;
    }
    const { added, known, duplicate } = countVerdicts(seen.verdicts, seen.before ?? undefined);
    const isWhole = request.state === "whole" ? 1 : 0;
    const { key, fingerprint, id } = request;
    this.#queries.keep.run(owner, key, batch, fingerprint, id, isWhole, added, known, duplicate);
  }
}
