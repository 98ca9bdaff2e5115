import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchPresence } from "../support/presence.ts";
import { CliRun, jsonLines, MAIN, runCli } from "./support/run-cli.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "milepost-cli-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

function run(...args: readonly string[]): ReturnType<typeof runCli> {
  return runCli(args, { cwd });
}

function runWith(stdin: string, ...args: readonly string[]): ReturnType<typeof runCli> {
  return runCli(args, { cwd, stdin });
}

describe("run command", () => {
  it("runs a program for each item, says where the outputs are, and ends with 0", async () => {
    await writeFile(join(cwd, "a b.txt"), "one");
    await writeFile(join(cwd, "it's.txt"), "two");
    const { status, stdout } = await run(
      "run",
      "command",
      "cp {} {out}/{name}-{n}.bak",
      "a b.txt",
      "it's.txt",
      "-o",
      "o",
    );
    expect(stdout).toMatch(/^command-cp-[0-9a-f]{8}: completed: 2 completed; 2 items in [\d.]+ s\noutputs: .*o\n$/);
    expect(status).toBe(0);
    expect((await readdir(join(cwd, "o"))).sort()).toEqual(["a b-1.bak", "it's-2.bak"]);
  });

  it("goes on with the same command, redoes nothing, and takes new items", async () => {
    const command = ["run", "command", "--shell", "echo {} >> done.txt"];
    expect((await run(...command, "a", "b")).status).toBe(0);
    const again = await run(...command, "a", "b", "c", "c");
    expect(again.stderr).toContain("2 of 2 done, 1 new");
    expect(again.stderr).toContain("named more than once and run once: 1 item");
    expect(await readFile(join(cwd, "done.txt"), "utf8")).toMatch(/^(a\nb|b\na)\nc\n$/);
    const other = await run("run", "command", "--shell", "echo {}! >> done.txt", "a");
    expect(other.stdout).toContain("1 completed; 1 item");
    const clash = await run("run", "command", "echo", "a", "--name", "mine");
    const refused = await run("run", "command", "echo -n", "a", "--name", "mine");
    expect([clash.status, refused.status]).toEqual([0, 2]);
    expect(refused.stderr).toContain("exists with other options");
  });

  it("takes items from a list, by lines or NUL, after those that are named", async () => {
    const lines = await runWith("b\nc d\n\n", "run", "command", "echo", "a", "--from-file", "-", "--print");
    expect(lines.stdout.split("\n").slice(0, 3).sort()).toEqual(["a", "b", "c d"]);
    const nul = await runWith(
      "x\ny\0z\0",
      "run",
      "command",
      "echo",
      "--from-file",
      "-",
      "-0",
      "--print",
      "--name",
      "nul",
    );
    expect(nul.stdout).toMatch(/^(x\ny\nz|z\nx\ny)\n/);
  });

  it("refuses a list with names that are not UTF-8 before anything runs", async () => {
    await writeFile(join(cwd, "list"), Buffer.from("good\n\xff.png\n\xfe.png\n", "latin1"));
    const { status, stderr } = await run("run", "command", "echo", "--from-file", "list");
    expect([status, stderr]).toEqual([
      2,
      "milepost: every name in the list must be UTF-8; found \ufffd.png: rename it\n",
    ]);
  });

  it("takes files, folders and patterns with --files, which must be there", async () => {
    await mkdir(join(cwd, "logs/deep"), { recursive: true });
    for (const name of ["logs/a.log", "logs/deep/b", "c.txt"]) await writeFile(join(cwd, name), "x");
    const { stdout } = await run("run", "command", "echo {base}", "--files", "logs", "*.txt", "--print");
    expect(stdout.split("\n").slice(0, 3).sort()).toEqual(["a.log", "b", "c.txt"]);
    const missing = await run("run", "command", "echo", "--files", "gone.txt");
    expect([missing.status, missing.stderr]).toEqual([3, expect.stringContaining("gone.txt not found")]);
    const items = await run("run", "command", "echo", "gone.txt");
    expect(items.status).toBe(0);
  });

  it("ends with 1 if commands fail, with the reasons and how to try again", async () => {
    const command = ["run", "command", "--shell", "echo no {} >&2; test {} = good"];
    const { status, stdout } = await run(...command, "bad", "good");
    expect(status).toBe(1);
    expect(stdout).toContain("failed: 1 × exit status 1: no bad (EXIT_1), such as bad\n");
    expect(stdout).toMatch(
      /try the failed ones again: milepost retry command-echo-\w+ --failed && milepost run command/,
    );
  });

  it("stops when more fail than --max-failures allows, and says how to go on", async () => {
    const args = ["run", "command", "sh -c 'exit 1'", "--from-file", "-", "--max-failures", "3", "--concurrency", "1"];
    const items = Array.from({ length: 200 }, (_, index) => `item-${index}`).join("\n");
    const { status, stdout } = await runWith(items, ...args, "--name", "failing");
    expect(status).toBe(1);
    expect(stdout).toContain("stopped: more items have failed than --max-failures allows");
    const { counts } = JSON.parse((await run("status", "failing", "--json")).stdout);
    expect(counts.pending).toBeGreaterThan(0);
    expect(counts.processing).toBe(0);
  });

  it("prints JSON lines", async () => {
    const { stdout, status } = await run("run", "command", "echo", "a", "--json");
    expect(status).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "end", batch: { counts: { completed: 1 } }, out: null });
  });

  it("is gone on with by a worker", async () => {
    const command = ["run", "command", "--shell", "test -e ready && echo {} >> done.txt", "--name", "later"];
    expect((await run(...command, "a")).status).toBe(1);
    await writeFile(join(cwd, "ready"), "");
    expect((await run("retry", "later", "--failed")).status).toBe(0);
    expect((await run("work", "--until-idle")).status).toBe(0);
    expect(await readFile(join(cwd, "done.txt"), "utf8")).toBe("a\n");
  });
});

describe("wrong use", () => {
  it.each<[readonly string[], RegExp]>([
    [["no-such-program {}", "x"], /there is no program "no-such-program"/],
    [["./missing", "x"], /there is no program ".\/missing"/],
    [["echo {nmae}", "x"], /unknown placeholder \{nmae\}; known: \{\} \{name\}/],
    [["echo a | cat", "x"], /\| needs a shell.*--shell/],
    [["echo 'a", "x"], /not closed/],
    [["echo"], /give at least one item/],
    [["echo", ""], /key must be a text/],
    [["echo", "x", "--then", "no-such-program"], /there is no program/],
    [["echo", "x", "--then", "echo {}"], /unknown placeholder \{\}; known: \{out\}/],
    [["echo", "x", "--print", "--json"], /choose one/],
    [["echo", "x", "--skip-missing"], /add --files/],
    [["echo", "x", "--joblog", "no/folder/log"], /cannot write the job log/],
  ])("%j is refused with 2, and nothing runs", async (args, message) => {
    const { status, stdout, stderr } = await run("run", "command", ...args);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([2, ""]);
  });
});

describe("--print", () => {
  it("keeps the output of each command together, stdout apart from stderr, whatever its size", async () => {
    const script = "for i in $(seq 3000); do echo {}-$i; done; seq 400000 | sed 's/^/{}-/'; echo warn-{} >&2";
    const { stdout, stderr } = await run(
      "run",
      "command",
      "--shell",
      script.replace("'s/^/{}-/'", '"s/^/{}-/"'),
      "a",
      "b",
      "--print",
    );
    const owners = stdout
      .split("\n")
      .filter((line) => /^[ab]-\d+$/.test(line))
      .map((line) => line.charAt(0));
    expect(owners).toHaveLength(2 * 403_000);
    expect(owners.filter((owner, index) => owner !== owners[index - 1])).toHaveLength(2);
    expect(stderr).toContain("warn-a\n");
    expect(stderr).toContain("warn-b\n");
  });
});

describe("trouble of this machine", () => {
  it("while output is kept makes that item fail, and the others go on", async () => {
    const script = "head -c {} /dev/zero | tr '\\0' x";
    const command = ["run", "command", "--shell", script, "9000000", "3", "--print", "--concurrency", "1"];
    const { status, stdout, stderr } = await runCli(command, { cwd, env: { TMPDIR: join(cwd, "gone") } });
    expect(stdout).toMatch(/^xxx/);
    expect(stdout).toContain("1 completed, 1 failed");
    expect(stdout).toContain("(ENOENT), such as 9000000");
    expect(stderr).not.toContain("nobody caught");
    expect(status).toBe(1);
  });

  it("that has no room for more open files makes items fail, which says so", async () => {
    const items = Array.from({ length: 100 }, (_, index) => `item-${index}`);
    const limited = ["-c", 'ulimit -n 150 && exec "$@"', "sh", process.execPath, MAIN, "run", "command", "true"];
    const { status, stdout, stderr } = spawnSync("/bin/sh", [...limited, ...items, "--concurrency", "100"], {
      cwd,
      encoding: "utf8",
    });
    expect(stdout).toMatch(/failed: \d+ × .*EMFILE/);
    expect(stderr).not.toContain("nobody caught");
    expect(status).toBe(1);
  });
});

describe("--joblog", () => {
  it("has the columns of GNU parallel and goes on in the same file", async () => {
    const command = ["run", "command", "--shell", "printf abc; exit {}", "--joblog", "log", "--concurrency", "1"];
    await run(...command, "0", "3");
    await run(...command, "0", "3", "4");
    const [header, ...lines] = (await readFile(join(cwd, "log"), "utf8")).trimEnd().split("\n");
    expect(header).toBe("Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand");
    const columns = lines.map((line) => line.split("\t"));
    expect(
      columns.map(([seq, host, , , send, receive, status, signal]) => [seq, host, send, receive, status, signal]),
    ).toEqual([
      ["1", ":", "0", "3", "0", "0"],
      ["2", ":", "0", "3", "3", "0"],
      ["3", ":", "0", "3", "4", "0"],
    ]);
    expect(columns[0]?.[2]).toMatch(/^\d{10}\.\d{3}$/);
    expect(columns[0]?.[3]).toMatch(/^ *\d+\.\d{3}$/);
  });

  it("is not written over another file", async () => {
    await writeFile(join(cwd, "notes"), "my notes\n");
    const { status, stderr } = await run("run", "command", "echo", "x", "--joblog", "notes");
    expect([status, stderr]).toEqual([2, expect.stringContaining("is no job log")]);
    expect(await readFile(join(cwd, "notes"), "utf8")).toBe("my notes\n");
  });
});

describe("--then", () => {
  const then = [
    "--shell",
    "--then",
    "echo $MILEPOST_COMPLETED of $MILEPOST_TOTAL $MILEPOST_STATUS in {out} >> then.txt; echo ran",
  ];

  it("runs once when the batch has ended, and again only after more was done", async () => {
    const command = ["run", "command", "true {}", ...then, "-o", "o", "--name", "main"];
    const first = await run(...command, "a", "b");
    expect(first.stdout).toMatch(/\nran\n$/);
    const again = await run(...command, "a", "b");
    expect(again.stdout).not.toContain("ran");
    await run(...command, "a", "b", "c");
    const text = await readFile(join(cwd, "then.txt"), "utf8");
    expect(text.replaceAll(/ in .*\/o$/gm, "")).toBe("2 of 2 completed\n3 of 3 completed\n");
  });

  it("shows its failure and ends with 1, also when it is not run again", async () => {
    const command = ["run", "command", "true {}", "--shell", "--then", "echo no >&2; exit 7", "a"];
    for (let round = 0; round < 2; round++) {
      const { status, stdout } = await run(...command);
      expect(status).toBe(1);
      expect(stdout).toMatch(/--then failed: 1 × exit status 7: no \(EXIT_7\)/);
      expect(stdout).toMatch(/try it again: milepost retry command-true-\w+-then-\w+ --failed/);
    }
  });
});

describe("the end of milepost", () => {
  it("by Ctrl-C lets commands finish, and the same command goes on with the rest", async () => {
    await writeFile(join(cwd, "list"), Array.from({ length: 400 }, (_, index) => `item-${index}\n`).join(""));
    // The fourth command waits for somebody to write into a pipe: the run cannot be over before it is told to stop.
    execFileSync("mkfifo", [join(cwd, "gate")]);
    const script = "if [ {} = item-3 ]; then cat gate; fi; echo {} >> done.txt";
    const command = ["run", "command", "--shell", script, "--from-file", "list", "--name", "cut"];
    const first = new CliRun([...command, "--json", "--concurrency", "1"], { cwd });
    await first.until((seen) => /"completed":3/.test(seen.stdout));
    first.child.kill("SIGINT");
    await writeFile(join(cwd, "gate"), "");
    expect((await first.ended).status).toBe(130);
    expect((await run(...command)).status).toBe(0);
    const done = (await readFile(join(cwd, "done.txt"), "utf8")).trimEnd().split("\n");
    expect(new Set(done).size).toBe(400);
    expect(done).toHaveLength(400);
  });

  it.each([
    ["by Ctrl-C twice", ["SIGINT", "SIGINT"]],
    ["by kill -9", ["SIGKILL"]],
  ] as const)("%s leaves no command behind", async (_how, signals) => {
    const presence = await watchPresence(cwd);
    const script = `${presence.stubborn} & ${presence.stubborn}; : {}`;
    const first = new CliRun(["run", "command", "--shell", script, "x", "--name", "one"], { cwd });
    const arrivals = [await presence.arrival(), await presence.arrival()];
    for (const [index, signal] of signals.entries()) {
      if (index > 0) await first.until((seen) => seen.stderr.includes("Ctrl-C again ends at once"));
      first.child.kill(signal);
    }
    await first.ended;
    await Promise.all(arrivals.map(({ gone }) => gone));
    expect(existsSync(join(cwd, ".milepost"))).toBe(true);
  });
});
