import { describe, it } from "vitest";
import { amendCases } from "./amend-cases.ts";
import { claimCases } from "./claim-cases.ts";
import { clearCases } from "./clear-cases.ts";
import type { ConformanceCase, OpenStore } from "./conformance-case.ts";
import { controlCases } from "./control-cases.ts";
import { feedCases } from "./feed-cases.ts";
import { groupCases } from "./group-cases.ts";
import { learningCases } from "./learning-cases.ts";
import { readCases } from "./read-cases.ts";
import { reportCases } from "./report-cases.ts";
import { requestCases } from "./request-cases.ts";
import { searchCases } from "./search-cases.ts";
import { sessionCases } from "./session-cases.ts";
import { submitCases } from "./submit-cases.ts";
import { upkeepCases } from "./upkeep-cases.ts";

/** All that a store must do, by theme. */
export const CONFORMANCE: Readonly<Record<string, readonly ConformanceCase[]>> = {
  submit: submitCases,
  request: requestCases,
  claim: claimCases,
  report: reportCases,
  amend: amendCases,
  group: groupCases,
  session: sessionCases,
  control: controlCases,
  clear: clearCases,
  feed: feedCases,
  read: readCases,
  search: searchCases,
  learning: learningCases,
  upkeep: upkeepCases,
};

/**
 * Runs the conformance suite against one kind of store, as tests. Each case has a store of its own.
 * @param lacks what this kind of store does not offer; cases that need it are skipped, by name
 */
export function describeStore(
  name: string,
  openStore: OpenStore,
  lacks: readonly NonNullable<ConformanceCase["needs"]>[] = [],
): void {
  describe(name, () => {
    for (const [theme, cases] of Object.entries(CONFORMANCE)) {
      describe(theme, () => {
        for (const { name: caseName, run, needs } of cases) {
          const isLacking = needs !== undefined && lacks.includes(needs);
          it.skipIf(isLacking)(isLacking ? `${caseName} (no ${needs} here)` : caseName, () => run(openStore));
        }
      });
    }
  });
}
