import type { Fault } from "../support/fault.ts";
import { liveThrough } from "./live-through.ts";

/** A short life of a small cluster; `npx node test/faults/cluster.ts` has long ones. */
export const clusterFaults: readonly Fault[] = [
  {
    name: "postgres-cluster",
    expected:
      "processes and connections die at random for some seconds: nothing is lost, recorded twice or missing in the feed",
    run: (scene) =>
      liveThrough(scene, {
        ...{ items: 2_000, itemMs: 50, images: 20, faultsMs: 5_000, seed: 7 },
        ...{ workers: 2, servers: 2, concurrency: 16 },
        signal: new AbortController().signal,
        tell: () => {},
      }),
  },
];
