import type { Migration } from "../migrator.ts";

/**
 * Faster completion of items, by about a fifth:
 * - `complete`, else as in the first schema, reads the blocks of its workers once instead of once for each item: an index of blocks is full
 *   of those that went, until it is vacuumed. Nor may the planner look at more of an index than is asked for (`enable_bitmapscan`).
 * - Half of each page of items, and of the indexes that hold all of them in their order, is left free: most rows are written once more,
 *   when their item ends, and the new ones then stand beside the old ones. Once a batch has ended it takes no more room than before.
 */
export const COMPLETION: Migration = {
  number: 3,
  name: "completion",
  sql: `
CREATE OR REPLACE FUNCTION @complete (gate bigint, ended bigint, batches int[], ordinals int[], tokens int[], holders bigint[],
  starts bigint[], ends bigint[], outputs text[]) RETURNS TABLE (place bigint, has_ended boolean) LANGUAGE plpgsql AS $body$
#variable_conflict use_column
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Of a table that is not large yet the planner would rather read all of it than find each item by its number.
  PERFORM set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('enable_bitmapscan', 'off', true);
  -- Each statement sees what was committed before it: who waited here sees what he waited for.
  PERFORM pg_advisory_xact_lock_shared(gate);
  RETURN QUERY WITH covers AS MATERIALIZED (
    SELECT k.worker, k.batch, k.first, k.last FROM (SELECT DISTINCT u.worker, u.batch FROM unnest(holders, batches)
      AS u (worker, batch)) AS h JOIN @blocks AS k ON k.worker = h.worker AND k.batch = h.batch
  ), locked AS MATERIALIZED (
    SELECT i.batch, i.ordinal, i.state, i.fraction, n.token, n.start_at, n.end_at, n.output, n.place
    FROM unnest(batches, ordinals, tokens, holders, starts, ends, outputs) WITH ORDINALITY
      AS n (batch, ordinal, token, worker, start_at, end_at, output, place)
    JOIN @items AS i ON i.batch = n.batch AND i.ordinal = n.ordinal
    WHERE n.worker <> 0 AND i.state < 2 AND CASE WHEN i.fresh THEN n.token = 1 AND EXISTS (SELECT 1 FROM covers AS k
      WHERE k.worker = n.worker AND k.batch = n.batch AND n.ordinal BETWEEN k.first AND k.last)
      ELSE i.token = n.token AND i.worker = n.worker END
    ORDER BY i.batch, i.ordinal FOR UPDATE OF i
  ), sums AS (
    SELECT l.batch, count(*) FILTER (WHERE l.state = 0)::int AS pending, count(*) FILTER (WHERE l.state = 1)::int AS running,
      sum(l.fraction) AS flight, (array_agg(l.start_at ORDER BY l.place) FILTER (WHERE l.state = 0))[1] AS started_at
    FROM locked AS l GROUP BY l.batch
  ), books AS MATERIALIZED (
    SELECT b.number, s.pending, s.running, s.flight, s.started_at FROM @batches AS b JOIN sums AS s ON s.batch = b.number
    WHERE NOT b.is_removing ORDER BY b.number FOR UPDATE OF b
  ), written AS (
    UPDATE @batches AS b SET version = b.version + 1, pending = b.pending - k.pending,
      processing = b.processing - k.running, completed = b.completed + k.pending + k.running, flight = b.flight - k.flight,
      percent_floor = greatest(b.percent_floor, least(99, 100 * ((b.completed + k.pending + k.running + b.failed
        + b.cancelled)::bigint * 1000000 + b.flight - k.flight) / (b.total::bigint * 1000000))),
      started_at = coalesce(b.started_at, k.started_at),
      ended_at = CASE WHEN b.is_sealed AND b.pending - k.pending + b.processing - k.running = 0 THEN ended ELSE b.ended_at END
    FROM books AS k WHERE b.number = k.number RETURNING b.number, b.version, b.ended_at IS NOT NULL AS is_over
  ), done AS (
    UPDATE @items AS i SET state = 2, fresh = false, token = l.token, worker = 0, version = w.version, ended_at = l.end_at, output = l.output,
      attempts = CASE WHEN l.state = 0 THEN i.attempts + 1 ELSE i.attempts END,
      started_at = CASE WHEN l.state = 0 THEN l.start_at ELSE i.started_at END,
      fraction = 0, suspect = false, saved = NULL, error = NULL, progress = NULL, stage = NULL
    FROM locked AS l JOIN written AS w ON w.number = l.batch
    WHERE i.batch = l.batch AND i.ordinal = l.ordinal RETURNING l.place, w.is_over
  ) SELECT d.place, d.is_over FROM done AS d;
END $body$;

DO $body$
DECLARE
  part regclass;
BEGIN
  FOR part IN SELECT oid FROM pg_class WHERE relkind = 'r' AND (oid = '@items'::regclass
    OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '@items'::regclass))
  LOOP
    EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', part);
  END LOOP;
  FOR part IN SELECT i.indexrelid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.relkind = 'i' AND i.indisunique
    AND (i.indrelid = '@items'::regclass OR i.indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '@items'::regclass))
  LOOP
    EXECUTE format('ALTER INDEX %s SET (fillfactor = 50)', part);
  END LOOP;
END $body$;
`,
};
