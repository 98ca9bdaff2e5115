import type { Migration } from "../migrator.ts";

/**
 * The first schema. An item's number is its rowid and holds its batch's number in the upper bits, so a batch's items lie
 * side by side. The CHECKs repeat invariants of the core on purpose: a defect of ours must fail, not be
 * stored. There are many small ones because SQLite tests only those whose columns a statement changes.
 */
export const INITIAL: Migration = {
  number: 1,
  name: "initial",
  sql: `
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  stamps INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0);

CREATE TABLE queues (
  name TEXT PRIMARY KEY,
  control INTEGER NOT NULL DEFAULT 0 CHECK (control IN (0, 1, 2)),
  concurrency INTEGER CHECK (concurrency >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT,
  queue TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  options TEXT NOT NULL,
  policy TEXT NOT NULL,
  stages TEXT NOT NULL,
  priority INTEGER NOT NULL,
  control INTEGER NOT NULL DEFAULT 0 CHECK (control IN (0, 1, 2)),
  is_cancelled INTEGER NOT NULL DEFAULT 0 CHECK (is_cancelled IN (0, 1)),
  is_sealed INTEGER NOT NULL DEFAULT 0 CHECK (is_sealed IN (0, 1)),
  is_removing INTEGER NOT NULL DEFAULT 0 CHECK (is_removing IN (0, 1)),
  epoch INTEGER NOT NULL DEFAULT 1,
  version INTEGER NOT NULL DEFAULT 0,
  resumable_from INTEGER NOT NULL DEFAULT 0,
  next_ordinal INTEGER NOT NULL DEFAULT 0,
  frontier INTEGER NOT NULL DEFAULT 0 CHECK (frontier <= next_ordinal),
  total INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0 CHECK (pending >= 0),
  processing INTEGER NOT NULL DEFAULT 0 CHECK (processing >= 0),
  completed INTEGER NOT NULL DEFAULT 0 CHECK (completed >= 0),
  failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
  cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
  flight INTEGER NOT NULL DEFAULT 0 CHECK (flight >= 0),
  percent_floor INTEGER NOT NULL DEFAULT 0 CHECK (percent_floor BETWEEN 0 AND 99),
  work TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  start_at INTEGER,
  started_at INTEGER,
  ended_at INTEGER,
  checkpoint_at INTEGER,
  CHECK (total = pending + processing + completed + failed + cancelled),
  CHECK (ended_at IS NULL OR (is_sealed = 1 AND pending + processing = 0))
) STRICT;
CREATE UNIQUE INDEX batches_name ON batches (owner, name) WHERE name IS NOT NULL AND is_removing = 0;
CREATE INDEX batches_chance ON batches (substr(id, 16));
CREATE INDEX batches_claimable ON batches (priority, number)
  WHERE pending > 0 AND control = 0 AND is_cancelled = 0 AND is_removing = 0;
CREATE INDEX batches_open ON batches (queue, number) WHERE ended_at IS NULL;
CREATE INDEX batches_scheduled ON batches (start_at) WHERE start_at IS NOT NULL AND pending > 0;
CREATE INDEX batches_ended ON batches (ended_at, number) WHERE ended_at IS NOT NULL;
CREATE INDEX batches_removing ON batches (number) WHERE is_removing = 1;

CREATE TABLE requests (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  batch INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  submission TEXT NOT NULL,
  is_whole INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
  added INTEGER NOT NULL,
  known INTEGER NOT NULL,
  duplicate INTEGER NOT NULL,
  PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_batch ON requests (batch);

CREATE TABLE items (
  id INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  key TEXT NOT NULL,
  fresh INTEGER NOT NULL CHECK (fresh IN (0, 1)),
  state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 4),
  priority INTEGER NOT NULL,
  version INTEGER NOT NULL,
  token INTEGER NOT NULL DEFAULT 0,
  worker INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  run_at INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  suspect INTEGER NOT NULL DEFAULT 0,
  fraction INTEGER NOT NULL DEFAULT 0,
  size REAL,
  kind TEXT,
  started_at INTEGER,
  ended_at INTEGER,
  input TEXT,
  output TEXT,
  saved TEXT,
  error TEXT,
  progress TEXT,
  stage TEXT,
  CHECK (fresh = 0 OR (state = 0 AND token = 0 AND worker = 0 AND held = 0 AND run_at = 0 AND priority = 0)),
  CHECK (worker = 0 OR state < 2),
  CHECK (state <> 1 OR (worker <> 0 AND started_at IS NOT NULL)),
  CHECK (state <> 0 OR started_at IS NULL),
  CHECK ((ended_at IS NULL) = (state < 2)),
  CHECK (held = 0 OR state = 0),
  CHECK (run_at = 0 OR state = 0),
  CHECK (fraction = 0 OR state = 1),
  CHECK (progress IS NULL OR state = 1)
) STRICT;
CREATE UNIQUE INDEX items_key ON items (batch, key);
CREATE INDEX items_ready ON items (batch, priority, id)
  WHERE fresh = 0 AND state = 0 AND worker = 0 AND held = 0 AND run_at = 0;
CREATE INDEX items_waiting ON items (run_at) WHERE state = 0 AND run_at > 0;
CREATE INDEX items_idle ON items (batch, id) WHERE state = 0 AND (run_at > 0 OR held = 1);
CREATE INDEX items_held ON items (worker, id) WHERE worker <> 0;
CREATE INDEX items_feed ON items (batch, version) WHERE fresh = 0;
CREATE INDEX items_failed ON items (batch, state, id) WHERE state IN (3, 4);

CREATE TABLE blocks (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL CHECK (last >= first),
  worker INTEGER NOT NULL,
  items INTEGER NOT NULL CHECK (items > 0)
) STRICT;

CREATE TABLE additions (
  batch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  PRIMARY KEY (batch, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  item INTEGER NOT NULL,
  token INTEGER NOT NULL,
  worker TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 4),
  error TEXT,
  PRIMARY KEY (item, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE removals (
  batch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (batch, version, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE statistics (
  batch INTEGER PRIMARY KEY,
  state TEXT NOT NULL
) STRICT;

CREATE TABLE history (
  work TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX history_changed ON history (changed);

CREATE TABLE workers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  birth TEXT NOT NULL,
  queues TEXT NOT NULL,
  batch INTEGER,
  pipelines TEXT,
  concurrency INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  beat_at REAL NOT NULL,
  confirmed INTEGER NOT NULL
) STRICT;
`,
};
