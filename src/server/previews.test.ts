import { expect, test } from "vitest";
import type { FrameAnswer, FrameQuestion } from "../pipelines/karaoke/frame-process.ts";
import { type PreviewRequest, Previews } from "./previews.ts";

const question: FrameQuestion = { input: null, options: null, isConfined: true, at: { frame: 0 }, sideMax: 10 };

/** Previews that are drawn when the test says so. */
function previewsWith(bytes = 1) {
  const drawn: ((answer?: FrameAnswer) => void)[] = [];
  const previews = new Previews({ previewsPerSession: 2, previewTimeoutMs: 1_000 }, (_question, { signal }) => {
    const { promise, resolve } = Promise.withResolvers<FrameAnswer>();
    drawn.push((answer = { ok: true, picture: new Uint8Array(bytes) }) => resolve(answer));
    signal.addEventListener("abort", () => resolve({ ok: false, reason: "closed" }));
    return promise;
  });
  const ask = (key: string, more: Partial<PreviewRequest> = {}) =>
    previews.ask({ owner: "one", key, question, isWanted: () => true, ...more });
  return { previews, ask, drawn };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

test("one is drawn at a time, and the same one once", async () => {
  const { ask, drawn } = previewsWith();
  const asked = [ask("a"), ask("a"), ask("b", { owner: "two" })];
  await turns();
  expect(drawn).toHaveLength(1);
  drawn[0]?.();
  await asked[1];
  await turns();
  expect(drawn).toHaveLength(2);
  drawn[1]?.({ ok: false, reason: "no such font" });
  expect(await asked[2]).toEqual({ ok: false, reason: "no such font" });
  expect(await ask("b")).toEqual({ ok: false, reason: "no such font" });
  expect(drawn).toHaveLength(2);
});

test("a session may ask for so many at once, the operator for more, all together for no more than can be drawn", async () => {
  const { previews, ask } = previewsWith();
  const asked = [ask("a"), ask("b")];
  await expect(ask("c")).rejects.toMatchObject({ problem: "rate-limited", retryAfterS: 2 });
  for (let index = 0; index < 30; index++) asked.push(ask(`operator's ${index}`, { owner: "" }));
  await expect(ask("one more", { owner: "" })).rejects.toMatchObject({ problem: "rate-limited" });
  await previews.close();
  expect((await Promise.all(asked)).every(({ ok }) => !ok)).toBe(true);
});

test("what nobody waits for any more is not drawn, and nothing after the end", async () => {
  const { previews, ask, drawn } = previewsWith();
  const [first, left] = [ask("a"), ask("b", { isWanted: () => false })];
  await turns();
  drawn[0]?.();
  expect([(await first).ok, (await left).ok]).toEqual([true, false]);
  await previews.close();
  expect((await ask("c")).ok).toBe(false);
  expect(drawn).toHaveLength(1);
});

test("what is kept is bounded", async () => {
  const { ask, drawn } = previewsWith(7_000_000);
  const draw = async (key: string): Promise<number> => {
    const asked = ask(key);
    await turns();
    drawn.at(-1)?.();
    await asked;
    return drawn.length;
  };
  for (const key of ["a", "b", "a", "c"]) await draw(key);
  expect(await draw("a")).toBe(3);
  expect(await draw("b")).toBe(4);
});
