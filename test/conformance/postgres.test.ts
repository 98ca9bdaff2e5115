import { afterAll, beforeAll } from "vitest";
import { describeStore } from "../../src/testing/describe-store.ts";
import { openPostgres } from "../support/open-postgres.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

describeStore("PostgreSQL store", (clock) => openPostgres(cluster, clock));
describeStore("PostgreSQL store with partitions", (clock) => openPostgres(cluster, clock, { partitions: "4" }));
