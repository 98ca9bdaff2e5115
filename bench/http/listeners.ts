/**
 * The process of the listeners: `node listeners.js <url> <authorization> <listeners>`. Opens them, says `ready`, notes when each
 * change came to each of them, and asked with the times at which the changes were made, says how long they took.
 */
import { connect } from "node:net";
import { quantile } from "../summary.ts";

const [address = "", authorization = "", listeners = "1"] = process.argv.slice(2);
const url = new URL(address);
const request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: ${authorization}\r\n\r\n`;
const CHANGE = /"priority":(\d+)/g;
/** Connections that are opened at the same time: more would meet a full backlog. */
const OPENED_AT_ONCE = 50;

const arrivals = new Map<number, number[]>();

/** Resolves when its first event has come. */
function listen(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.write(request));
    let rest = "";
    let last = 0;
    socket.on("data", (chunk) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + chunk.toString("latin1");
      for (const [, number] of text.matchAll(CHANGE)) {
        const change = Number(number);
        if (change <= last) continue;
        last = change;
        const times = arrivals.get(change) ?? [];
        arrivals.set(change, times);
        times.push(now);
      }
      // What may be cut: the beginning of a change.
      rest =
        text
          .slice(Math.max(0, text.length - 20))
          .split("}")
          .at(-1) ?? "";
      resolve();
    });
    socket.on("error", reject);
  });
}

for (let open = 0; open < Number(listeners); open += OPENED_AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, Number(listeners) - open) }, listen));
}
process.send?.("ready");
process.on("message", (made: readonly (readonly [change: number, at: number])[]) => {
  const delays = made.flatMap(([change, at]) => (arrivals.get(change) ?? []).map((arrival) => arrival - at));
  const figures = {
    p50Ms: quantile(delays, 0.5),
    p99Ms: quantile(delays, 0.99),
    maxMs: quantile(delays, 1),
    delivered: delays.length / (made.length * Number(listeners)),
  };
  process.send?.(figures, () => process.exit());
});
