import type { Migration } from "../migrator.ts";

/** The mark of who makes a store of a dump, until it is whole; null in a store (copy-mark.ts). */
export const RESTORING: Migration = {
  number: 2,
  name: "restoring",
  sql: `
ALTER TABLE @meta ADD COLUMN restoring text;
`,
};
