import { busyFileFaults } from "./busy-files.ts";
import { clusterFaults } from "./cluster/short-life.ts";
import { cutUploadFaults } from "./cut-uploads.ts";
import { damagedFileFaults } from "./damaged-files.ts";
import { documentFaults } from "./documents.ts";
import { dyingWorkerFaults } from "./dying-workers.ts";
import { exportFaults } from "./exports.ts";
import { handlerFaults } from "./handlers.ts";
import { killInCommitFaults } from "./kill-in-commit.ts";
import { lateWorkerFaults } from "./late-workers.ts";
import { longStreamFaults } from "./long-streams.ts";
import { longVideoFaults } from "./long-videos.ts";
import { lostFileFaults } from "./lost-files.ts";
import { postgresConnectionFaults } from "./postgres-connections.ts";
import { postgresNetworkFaults } from "./postgres-networks.ts";
import { postgresServerFaults } from "./postgres-server.ts";
import type { Fault } from "./support/fault.ts";
import { uncaughtErrorFaults } from "./uncaught-errors.ts";

export const ALL_FAULTS: readonly Fault[] = [
  ...lateWorkerFaults,
  ...handlerFaults,
  ...dyingWorkerFaults,
  ...uncaughtErrorFaults,
  ...lostFileFaults,
  ...damagedFileFaults,
  ...busyFileFaults,
  ...killInCommitFaults,
  ...cutUploadFaults,
  ...longStreamFaults,
  ...postgresConnectionFaults,
  ...postgresServerFaults,
  ...postgresNetworkFaults,
  ...clusterFaults,
  ...longVideoFaults,
  ...exportFaults,
  ...documentFaults,
];
