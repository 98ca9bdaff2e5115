import assert from "node:assert/strict";
import { MilepostError } from "../core/errors.ts";
import { batchIdFrom } from "../core/ids.ts";
import { NO_VERDICTS } from "../core/request.ts";
import type { SubmissionRequest } from "../ports/store.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

const KEY = "the key";

function request(id: string, given: Partial<SubmissionRequest> = {}): SubmissionRequest {
  return { key: KEY, fingerprint: "print", state: "whole", id, ...given };
}

/** Asserts that a submission is refused as a conflict for this reason, and that nothing at all has changed. */
async function assertConflict(t: StoreTrial, reason: string, submit: () => Promise<unknown>): Promise<void> {
  const before = await t.auditor.dump();
  const isConflict = (error: unknown) =>
    error instanceof MilepostError && error.code === "CONFLICT" && error.details.reason === reason;
  await assert.rejects(submit, isConflict, `a conflict: ${reason}`);
  assert.deepEqual(await t.auditor.dump(), before, "a refusal changes nothing");
}

/** Ids that callers give, and submissions that are made again. */
export const requestCases: readonly ConformanceCase[] = [
  caseOf("a batch has the id that was given, and the same submission again is the same batch", async (t) => {
    const id = batchIdFrom(t.clock.now() - 9_999, t.random.bytes(10));
    const made = await t.batch({ id, items: ["a"], seal: false });
    assert.equal((await t.store.batch({ id }))?.number, made.number);
    const again = await t.submit(t.spec({ id }), ["a", "b"]);
    assert.deepEqual([again.batch?.number, again.isNew], [made.number, false]);
    assert.deepEqual(again.verdicts, ["known", "added"]);
  }),
  caseOf("an id of another batch is refused", async (t) => {
    const { spec } = await t.batch({ items: ["a"] });
    const { id } = spec;
    for (const other of [{ owner: "another" }, { name: "named" }, { pipeline: "another" }])
      await assertConflict(t, "id", () => t.submit({ ...spec, ...other }, ["b"]));
    const sameItemIds = `f${id.slice(1)}`;
    await assertConflict(t, "id", () => t.submit({ ...spec, id: sameItemIds }, ["b"]));
    const named = await t.batch({ name: "named", items: ["a"] });
    const found = await t.submit(t.spec({ name: "named", id }), ["a"]);
    assert.equal(found.batch?.number, named.number, "a batch that is found by its name keeps its own id");
  }),
  caseOf("a request is carried out once, and answered again as the first time", async (t) => {
    const spec = t.spec();
    const first = await t.submit(spec, ["a", "b", "a"], { request: request(spec.id) });
    assert.deepEqual([first.isNew, first.repeated], [true, null]);
    await t.complete(await t.claimOne(await t.worker()));
    const before = await t.auditor.dump();
    const other = t.spec();
    const again = await t.submit(other, ["a", "b", "a"], { request: request(other.id) });
    assert.deepEqual(again.repeated, { added: 2, known: 0, duplicate: 1 });
    assert.deepEqual([again.isNew, again.batch?.id, again.verdicts], [false, spec.id, []]);
    assert.deepEqual(await t.auditor.dump(), before, "nothing is written");
    assert.equal((await t.submit(spec, ["a"], { request: request(spec.id) })).repeated?.added, 2, "by its own id too");
  }),
  caseOf("a known key with another fingerprint is refused, one of another owner is another", async (t) => {
    const spec = t.spec();
    await t.submit(spec, ["a"], { request: request(spec.id) });
    const second = t.spec();
    await assertConflict(t, "other-request", () =>
      t.submit(second, ["a"], { request: request(second.id, { fingerprint: "another" }) }),
    );
    const made = await t.batch({ items: ["a"] });
    await assertConflict(t, "other-request", () => t.submit(made.number, ["b"], { request: request("x") }));
    const foreign = t.spec({ owner: "somebody else" });
    const theirs = await t.submit(foreign, ["a"], { request: request(foreign.id, { fingerprint: "another" }) });
    assert.equal(theirs.isNew, true);
    const next = t.spec();
    assert.equal((await t.submit(next, ["a"], { request: request(next.id, { key: "second" }) })).isNew, true);
  }),
  caseOf("a request that is under way is refused, but for the submission that goes on", async (t) => {
    const spec = t.spec();
    const going = request(spec.id, { state: "going" });
    const first = await t.submit(spec, ["a", "b"], { seal: false, request: going });
    const other = t.spec();
    await assertConflict(t, "in-flight", () => t.submit(other, ["a", "b"], { request: request(other.id) }));
    const number = first.batch?.number ?? 0;
    const { firstOrdinal } = first;
    await t.submit(number, ["b", "c"], { seal: false, firstOrdinal, request: going });
    await assertConflict(t, "in-flight", () => t.submit(other, ["a", "b"], { request: request(other.id) }));
    // Its process died: another begins it anew under the same ids.
    const resumed = await t.submit(spec, ["a", "b"], { seal: false, request: going });
    assert.deepEqual(resumed.verdicts, ["known", "known"]);
    await t.submit(number, ["d"], { firstOrdinal: resumed.firstOrdinal, request: request(spec.id) });
    const again = await t.submit(other, ["a", "b"], { request: request(other.id) });
    assert.deepEqual([again.batch?.number, again.repeated], [number, { added: 1, known: 2, duplicate: 0 }]);
  }),
  caseOf("a request that was given up can be made anew", async (t) => {
    const made = await t.batch({ name: "grows", items: ["a"] });
    const going = request("one", { state: "going" });
    await t.submit(t.spec({ name: "grows" }), ["b"], { seal: false, request: going });
    await t.submit(made.number, [], { request: request("one", { state: "given-up" }) });
    const again = await t.submit(t.spec({ name: "grows" }), ["b", "c"], { request: request("two") });
    assert.deepEqual([again.batch?.number, again.verdicts, again.repeated], [made.number, ["known", "added"], null]);
  }),
  caseOf("requests that add to one batch are remembered each by itself, an open batch's too", async (t) => {
    const made = await t.batch({ name: "grows", items: [], seal: false });
    const add = (key: string, item: string) =>
      t.submit(t.spec({ name: "grows" }), [item], { seal: false, request: request(t.name("id"), { key }) });
    assert.equal((await add("one", "a")).repeated, null);
    assert.equal((await add("two", "b")).repeated, null);
    const { version } = await t.row(made.number);
    for (const key of ["one", "two"])
      assert.deepEqual((await add(key, "c")).repeated, { ...NO_VERDICTS, added: 1 }, `${key} again`);
    assert.equal((await t.row(made.number)).version, version);
  }),
  caseOf("a request is forgotten with its batch", async (t) => {
    for (const how of ["remove", "prune"] as const) {
      const spec = t.spec();
      const { batch } = await t.submit(spec, ["a"], { request: request(spec.id) });
      await t.commandWhole({ type: "cancel", target: { batch: batch?.number ?? 0 } });
      if (how === "remove") await t.commandWhole({ type: "remove", target: { batch: batch?.number ?? 0 } });
      else await t.store.prune({ olderThanMs: null, keep: 0, limit: 10 }, t.clock.now());
      const other = t.spec();
      const again = t.submit(other, ["a"], { request: request(other.id, { fingerprint: how }) });
      await assert.doesNotReject(again, `the key is free after ${how}`);
      const { batch: made, isNew } = await again;
      assert.deepEqual([isNew, made?.id], [true, other.id]);
      await t.commandWhole({ type: "cancel", target: { batch: made?.number ?? 0 } });
      await t.commandWhole({ type: "remove", target: { batch: made?.number ?? 0 } });
    }
  }),
  caseOf("of requests that come at once, one is carried out", async (t) => {
    const specs = [t.spec(), t.spec(), t.spec()];
    const answers = await t.together(
      specs.map((batch) => (store) => {
        const items = [{ key: "a", input: null, size: null, kind: null, priority: 0 }];
        return store.submit({ batch, items, seal: true, now: t.clock.now(), request: request(batch.id) });
      }),
    );
    assert.equal(answers.filter((answer) => answer.isNew).length, 1);
    assert.equal(new Set(answers.map((answer) => answer.batch?.id)).size, 1);
    assert.equal((await t.store.batches({ limit: 10 })).length, 1);
  }),
  caseOf(
    "a request outlives a restart",
    async (t) => {
      const spec = t.spec();
      await t.submit(spec, ["a"], { request: request(spec.id) });
      await t.reopen();
      const other = t.spec();
      assert.equal((await t.submit(other, ["a"], { request: request(other.id) })).batch?.id, spec.id);
    },
    "reopen",
  ),
];
