import { escapeText } from "../format/escape.ts";
import type { Finding } from "../ports/store.ts";
import type { Cli } from "./cli.ts";
import { EXIT } from "./exit-status.ts";

/** Prints what a check of the store found. The process ends with 1 if something stays wrong. */
export function printFindings(cli: Cli, findings: readonly Finding[], isJson: boolean): void {
  if (isJson) cli.json({ findings });
  else if (findings.length === 0) cli.line("the store is sound");
  else cli.lines(findings.map(describeFinding));
  if (findings.some((finding) => !finding.isRepaired)) cli.status = EXIT.WORK_FAILED;
}

function describeFinding(finding: Finding): string {
  const where = finding.batchId === null ? "store" : `batch ${finding.batchId}`;
  const end = finding.isRepaired ? "; repaired" : "";
  return escapeText(`${where}: ${finding.what}: expected ${finding.expected}, found ${finding.found}${end}`);
}
