import { existsSync, readFileSync, realpathSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import type { Batch, ItemSnapshot, Milepost, Policy } from "../../src/index.ts";
import { type CommandOptions, commandPipeline } from "../../src/pipelines/command/command-pipeline.ts";
import { openForTest, temporaryFolder } from "../support/open-for-test.ts";
import { watchPresence } from "../support/presence.ts";

const env = { ...process.env, GREETING: "hello" };
let cwd = "";
let milepost: Milepost;
beforeEach(async () => {
  cwd = realpathSync(temporaryFolder());
  milepost = await openForTest("memory");
  milepost.pipeline(commandPipeline({ env }));
});

interface Given extends Partial<CommandOptions>, Partial<Policy> {
  readonly items?: readonly string[];
}

async function start(command: string, given: Given = {}): Promise<Batch> {
  const { items = ["x"], shell = false, out = null, cwd: folder = cwd, per = "item", ...policy } = given;
  const options = { command, shell, out, per, cwd: folder };
  const { batch } = await milepost.submit({ pipeline: "command", attempts: 1, ...policy, items, options });
  await milepost.work({ concurrency: 2, batch });
  return batch;
}

async function itemsOf(command: string, given: Given = {}): Promise<readonly ItemSnapshot[]> {
  const batch = await start(command, given);
  await batch.done();
  return (await batch.items()).items;
}

async function endOf(command: string, given: Given = {}): Promise<ItemSnapshot> {
  const [item] = await itemsOf(command, given);
  if (item === undefined) throw new Error("the batch has no item");
  return item;
}

describe("a command that succeeds", () => {
  it("leaves its status and what it printed", async () => {
    const items = await itemsOf("echo {n} {}", { items: ["a", "b c", "-n", "$(x)", "two\nlines"] });
    expect(items.map((item) => item.output)).toEqual([
      { exitStatus: 0, stdout: "1 a\n" },
      { exitStatus: 0, stdout: "2 b c\n" },
      { exitStatus: 0, stdout: "3 -n\n" },
      { exitStatus: 0, stdout: "4 $(x)\n" },
      { exitStatus: 0, stdout: "5 two\nlines\n" },
    ]);
  });

  it("runs in the batch's folder with the environment, nothing on stdin, and no shell's builtins", async () => {
    expect((await endOf("pwd -P {out}", { out: "/" })).output).toMatchObject({ stdout: `${cwd}\n` });
    expect((await endOf("printenv GREETING", { per: "batch" })).output).toMatchObject({ stdout: "hello\n" });
    expect((await endOf("cat -", { per: "batch" })).output).toEqual({ exitStatus: 0, stdout: "" });
    expect((await endOf("true {}")).state).toBe("completed");
    expect((await endOf("cd {}")).error).toMatchObject({ code: "ENOENT", message: 'there is no program "cd"' });
  });

  it("keeps only the end of what it printed", async () => {
    const { output } = await endOf("seq {}", { items: ["100001"] });
    expect(output).toMatchObject({ stdout: expect.stringMatching(/\n99999\n100000\n100001\n$/) });
    expect(JSON.stringify(output).length).toBeLessThan(6_000);
  });

  it("gets variables of its item", async () => {
    const options = { command: "printenv OWN", shell: false, out: null, per: "batch", cwd };
    const input = { env: { OWN: "it's\nmine" } };
    const { batch } = await milepost.submit({ pipeline: "command", items: [{ key: "x", input }], options });
    await milepost.work({ batch });
    await batch.done();
    expect((await batch.item("x").snapshot()).output).toMatchObject({ stdout: "it's\nmine\n" });
  });

  it("takes the name of a variable for nothing but a name", async () => {
    const options = { command: "env", shell: false, out: null, per: "batch", cwd };
    const input = { env: { "X; touch pwned;": "$(touch pwned)" } };
    const { batch } = await milepost.submit({ pipeline: "command", items: [{ key: "x", input }], options });
    await milepost.work({ batch });
    await batch.done();
    expect((await batch.item("x").snapshot()).output).toMatchObject({
      stdout: expect.stringContaining("\nX; touch pwned;=$(touch pwned)\n"),
    });
    expect(existsSync(join(cwd, "pwned"))).toBe(false);
  });

  it("gets every character as it is", async () => {
    const everyByte = String.fromCodePoint(...Array.from({ length: 0x2ff }, (_, index) => index + 1));
    for (const shell of [false, true]) {
      const { output } = await endOf("printf %s {}", { items: [everyByte], shell });
      expect(output).toMatchObject({ stdout: stripVTControlCharacters(everyByte) });
    }
  });

  it("is not held up by what it left in the background", async () => {
    const presence = await watchPresence(cwd);
    const batch = await start(`${presence.command} & echo started {}`, { shell: true });
    const { counts } = await batch.done();
    expect(counts).toMatchObject({ completed: 1 });
    const { gone } = await presence.arrival();
    // It belongs to the group of the launcher that is used again, and ends with it.
    const next = await start("kill -s TERM -- -$(ps -o pgid= -p $$ | tr -d ' '); : {}", { shell: true });
    await next.done();
    await gone;
  });
});

describe("a command that fails", () => {
  it.each([
    ["echo no >&2; exit 3", { code: "EXIT_3", message: "exit status 3: no" }],
    ["exit 1", { code: "EXIT_1", message: "exit status 1, and nothing on stderr" }],
    ["echo a >&2; echo b >&2; exit 9", { code: "EXIT_9", message: "exit status 9: b\nstderr ended with:\na\nb" }],
    ["printf '\\033[31mred\\033[0m\\n' >&2; exit 2", { code: "EXIT_2", message: "exit status 2: red" }],
  ])("%s", async (script, error) => expect((await endOf(`${script}; {}`, { shell: true })).error).toMatchObject(error));

  it("by a signal says which", async () => {
    const { error } = await endOf("kill -KILL $$ {}", { shell: true });
    expect(error).toMatchObject({ code: "SIGKILL", message: expect.stringMatching(/^ended by SIGKILL/) });
  });

  it.each([
    ["sh -c 'kill -HUP $$'; exit", "SIGHUP"],
    ["printf half-a-line >&2; kill -KILL $$", "SIGKILL"],
    ["exit 129", "EXIT_129"],
    ["echo no >&2; exit 137", "EXIT_137"],
    ["exit 200", "EXIT_200"],
  ])("by a signal is told from a status of the same number: %s", async (script, code) => {
    expect((await endOf(`: {}; ${script}`, { shell: true })).error).toMatchObject({ code });
  });

  it("is tried again if the batch says so", async () => {
    const script = "echo {} >> tries; test $(wc -l < tries) -ge 3";
    const item = await endOf(script, { shell: true, attempts: 3, delayMs: 0 });
    expect(item).toMatchObject({ state: "completed", attempts: 3 });
  });

  it("because its program is missing is not tried again", async () => {
    const item = await endOf("{} --help", { items: ["no-such-program"], attempts: 3, delayMs: 0 });
    expect(item).toMatchObject({ state: "failed", attempts: 1, error: { code: "ENOENT" } });
  });

  it("because its folder is gone says so", async () => {
    const { error } = await endOf("true", { cwd: join(cwd, "gone") });
    expect(error?.message).toMatch(/gone/);
  });

  it("because it is no program says so", async () => {
    await writeFile(join(cwd, "broken"), "#!/no/such/interpreter\n");
    await chmod(join(cwd, "broken"), 0o755);
    expect((await endOf("./broken")).error).toMatchObject({ code: expect.stringMatching(/^EXIT_12[67]$/) });
  });

  it("hinders no other, not even if it kills what started it", async () => {
    const items = await itemsOf("case {} in bad*) kill -KILL $PPID;; *) echo fine;; esac", {
      shell: true,
      items: ["bad-1", "good-1", "bad-2", "good-2", "good-3"],
    });
    const states = items.map((item) => `${item.key} ${item.state}`);
    expect(states).toEqual([
      "bad-1 failed",
      "good-1 completed",
      "bad-2 failed",
      "good-2 completed",
      "good-3 completed",
    ]);
  });
});

describe("a command that is aborted", () => {
  it.each(["stop", "cancel"] as const)("by %s takes all that it started with it", async (verb) => {
    const presence = await watchPresence(cwd);
    const batch = await start(`${presence.command} & ${presence.command} & wait; : {}`, { shell: true });
    const arrivals = [await presence.arrival(), await presence.arrival()];
    await batch[verb]();
    await Promise.all(arrivals.map(({ gone }) => gone));
    const { state } = await batch.item("x").snapshot();
    expect(state).toBe(verb === "stop" ? "pending" : "cancelled");
  });

  it("by its time limit is killed even if it ignores SIGTERM", async () => {
    const presence = await watchPresence(cwd);
    const batch = await start(`trap '' TERM; ${presence.stubborn}; : {}`, { shell: true, timeoutMs: 1_000 });
    const { gone } = await presence.arrival();
    await gone;
    await batch.done();
    expect((await batch.item("x").snapshot()).error).toMatchObject({ code: "TIMEOUT" });
  });

  it("can clean up behind itself", async () => {
    const presence = await watchPresence(cwd);
    const script = `trap 'rm half; touch cleaned; exit 1' TERM; touch half; ${presence.command} & wait; : {}`;
    const batch = await start(script, { shell: true });
    const { gone } = await presence.arrival();
    await batch.cancel();
    await gone;
    await milepost.close();
    expect([existsSync(join(cwd, "half")), existsSync(join(cwd, "cleaned"))]).toEqual([false, true]);
  });

  it("is not disturbed by a pause: what runs finishes", async () => {
    const presence = await watchPresence(cwd);
    const batch = await start(presence.command, { shell: true });
    const { gone } = await presence.arrival();
    await batch.pause();
    expect((await batch.item("x").snapshot()).state).toBe("processing");
    await batch.cancel();
    await gone;
  });
});

describe("progress", () => {
  it("is taken from what a command prints, while it runs", async () => {
    const presence = await watchPresence(cwd);
    const script = `echo '{"progress":0.5,"stage":"scan","message":"half way"}'; ${presence.command}; : {}`;
    const batch = await start(script, { shell: true });
    for await (const { percent } of batch.watch()) if (percent === 50) break;
    const { items } = await batch.items({ state: "processing" });
    expect(items[0]).toMatchObject({
      progress: { stage: "scan", message: "half way", done: 50, total: 100, unit: "%" },
    });
    await batch.cancel();
  });
});

describe("outputs to files", () => {
  it("go where {out} says", async () => {
    const out = join(cwd, "out");
    await mkdir(out);
    await writeFile(join(cwd, "it's a file.txt"), "content");
    await itemsOf("cp {} {out}/{n}-{name}.copy", { out, items: ["it's a file.txt"] });
    expect(readFileSync(join(out, "1-it's a file.copy"), "utf8")).toBe("content");
  });
});
