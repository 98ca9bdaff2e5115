/** Items that come as one long stream. Run alone: `npx node test/faults/long-streams.ts`. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";

const SERVER = fileURLToPath(new URL("../server/support/server-process.ts", import.meta.url));
const TOKEN = "the-token-of-long-streams";
const PIECE_LINES = 1_000;
/**
 * Less than a tenth of what a million items would take. The heap for what is young is bounded too: V8 lets it grow to 128 MiB where much is
 * allocated, whatever becomes of it.
 */
const BOUNDS = ["--max-old-space-size=64", "--max-semi-space-size=8"];

function* linesOf(count: number): Generator<Buffer> {
  for (let from = 0; from < count; from += PIECE_LINES) {
    const numbers = Array.from({ length: Math.min(PIECE_LINES, count - from) }, (_, index) => from + index);
    yield Buffer.from(numbers.map((number) => `{"key":"item-${number}","input":{"page":${number}}}\n`).join(""));
  }
}

/** The most that the process ever had. */
function peakMiBOf(pid: number | undefined): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1_024);
}

async function sendLines(scene: Scene, count: number): Promise<void> {
  const server = fork(SERVER, [scene.path("work.db"), scene.path("files"), TOKEN], { execArgv: BOUNDS });
  scene.afterwards(() => server.kill("SIGKILL"));
  const [url] = (await once(server, "message")) as [string];
  const before = peakMiBOf(server.pid);
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/x-ndjson" };
  const sent = request(`${url}/api/batches?pipeline=outside`, { method: "POST", headers });
  Readable.from(linesOf(count)).pipe(sent);
  const [answer] = await once(sent, "response");
  scene.check("what became of them", JSON.parse(await text(answer)).added, count);
  scene.checkAtMost("MiB at most, beyond what the server had", peakMiBOf(server.pid) - before, 64);
}

function fault(name: string, count: number): Fault {
  return {
    name,
    expected: `${count.toLocaleString("en")} items in one request are taken by a server that could not hold them`,
    isSlow: count > 100_000,
    obstacle: () => (process.platform === "linux" ? null : "needs /proc"),
    run: (scene) => sendLines(scene, count),
  };
}

export const longStreamFaults: readonly Fault[] = [fault("long-stream", 20_000), fault("long-streams", 1_000_000)];

if (import.meta.main) await runAlone(longStreamFaults);
