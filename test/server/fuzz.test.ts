import fc from "fast-check";
import { expect, test } from "vitest";
import { problemSchema } from "../../src/wire/problem.ts";
import { STORES } from "../support/open-for-test.ts";
import { beginSession } from "./support/begin-session.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

/** Texts that were trouble somewhere. */
const ODD_TEXTS = [
  "",
  "a",
  "0",
  "-1",
  "1e999",
  "null",
  "__proto__",
  "constructor",
  "..",
  "%2e%2e%2f",
  "\0",
  "'",
  '"',
  "\r\n",
  "é",
  "\u202e",
  "\u2028",
  "\ud800",
  "*",
  "true",
  "[]",
  "{}",
];
/** Names that the API knows, so that what is drawn goes deep. */
const NAMES = [
  "pipeline",
  "items",
  "name",
  "queue",
  "priority",
  "options",
  "startAt",
  "seal",
  "key",
  "input",
  "size",
  "kind",
  "failed",
  "concurrency",
  "attempts",
  "maxFailureRatio",
  "limit",
  "cursor",
  "state",
  "status",
  "stage",
  "error",
  "ended",
  "owner",
  "q",
  "active",
  "after",
  "maxAgeSeconds",
];
const VALUES = [
  "pending",
  "failed",
  "high",
  "urgent",
  "p",
  "2026-11-21T00:00:00Z",
  true,
  1,
  -5,
  0.5,
  ["a"],
  [{ key: "a" }],
];

const texts = fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ maxLength: 20, unit: "binary" }));
const values = fc.oneof({ arbitrary: fc.constantFrom(...VALUES), weight: 3 }, fc.jsonValue({ maxDepth: 3 }), texts);
const bodies = fc.oneof(
  {
    arbitrary: fc.dictionary(fc.oneof({ arbitrary: fc.constantFrom(...NAMES), weight: 9 }, texts), values, {
      maxKeys: 6,
    }),
    weight: 6,
  },
  fc.jsonValue(),
);
/** JSON, sometimes cut or with something in it that does not belong. */
const jsonTexts = fc
  .tuple(bodies, fc.nat(), fc.constantFrom("", "", "", "", "]", '"', "\\ud800", "\0"))
  .map(([body, at, extra]) => {
    const text = JSON.stringify(body);
    return extra === "" ? text : text.slice(0, at % (text.length + 1)) + extra;
  });
const queries = fc
  .array(
    fc.tuple(
      fc.oneof({ arbitrary: fc.constantFrom(...NAMES), weight: 9 }, texts),
      fc.oneof(texts, fc.constantFrom("pending", "5", "true")),
    ),
    {
      maxLength: 3,
    },
  )
  .map((pairs) => pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&"));

interface Drawn {
  readonly route: number;
  readonly parameters: readonly (string | null)[];
  readonly query: string;
  readonly body: string;
  readonly type: string;
  readonly isOperator: boolean;
}

const requests: fc.Arbitrary<Drawn> = fc.record({
  route: fc.nat(),
  // Null: an id that is there.
  parameters: fc.array(fc.option(texts, { freq: 4 }), { minLength: 2, maxLength: 2 }),
  query: fc.oneof({ arbitrary: fc.constant(""), weight: 3 }, queries),
  body: jsonTexts,
  type: fc.constantFrom(
    "application/json",
    "application/json",
    "application/json",
    "application/x-ndjson",
    "application/json;charset=x",
    "text/plain",
  ),
  isOperator: fc.boolean(),
});

/** Of the operator's: no session is allowed to find or change it. */
async function foreign(server: TestServer) {
  const { id, batch } = await server.milepost.submit({ pipeline: "foreign", name: "foreign", items: ["a", "b"] });
  /** Without its estimate: a worker that a request has opened may serve it. */
  const snapshot = async () => ({ ...(await batch.snapshot()), estimate: null, noEstimate: null });
  return {
    id,
    state: async () => [await snapshot(), await batch.items(), await server.milepost.queue("foreign").snapshot()],
  };
}

test.each(STORES)(
  "%s: whatever is sent to any route, no answer is a fault of the server, and a refusal says why",
  { timeout: 60_000 },
  async (store) => {
    const server = await startServer({ store, limits: { haltWaitMs: 1 } });
    const session = await beginSession(server);
    const own = await server.milepost.submit({ pipeline: "own", owner: session.owner, items: ["a", "b"] });
    const [item] = (await own.batch.items()).items;
    const other = await foreign(server);
    const before = await other.state();
    // A stream of events ends only with its batch.
    const routes = server.routes.filter(({ method, path }) => method !== "HEAD" && !path.endsWith("/events"));
    await fc.assert(
      fc.asyncProperty(requests, async ({ route, parameters, query, body, type, isOperator }) => {
        const { method, path } = routes[route % routes.length] ?? { method: "GET", path: "/" };
        const ids = isOperator ? [own.id, item?.id ?? ""] : [other.id, item?.id ?? ""];
        let at = 0;
        const filled = path.replaceAll(/:\w+/g, () => {
          const given = parameters[at] ?? null;
          return given === null ? (ids[at++] ?? "") : encode(parameters[at++] ?? "");
        });
        const call = isOperator ? server.operator : session.fetch;
        const answer = await call(query === "" ? filled : `${filled}?${query}`, {
          method,
          ...(method === "POST" && { headers: { "content-type": type }, body: Buffer.from(body) }),
        });
        const text = await answer.text();
        expect(answer.status, `${method} ${filled}?${query} ${body}: ${text}`).toBeLessThan(500);
        if (answer.status >= 400) expect(problemSchema.parse(JSON.parse(text)).status).toBe(answer.status);
      }),
      { numRuns: 600, interruptAfterTimeLimit: 8_000, markInterruptAsFailure: false },
    );
    // The operator's own requests above never named it.
    expect(await other.state()).toEqual(before);
    expect(await server.milepost.verify()).toEqual([]);
  },
);

/** Percent-encoded, lone surrogates included. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/^\.+$/, (dots) => "%2e".repeat(dots.length));
}
