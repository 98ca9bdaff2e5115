import type { Migration } from "../migrator.ts";

/** A worker can be told to leave. Programs that do not know the column go on: its default is theirs. */
export const DRAIN: Migration = {
  number: 2,
  name: "drain",
  sql: `
ALTER TABLE workers ADD COLUMN is_draining INTEGER NOT NULL DEFAULT 0 CHECK (is_draining IN (0, 1));
`,
};
