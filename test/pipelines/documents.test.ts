import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { FRACTION_ONE, fractionOf, toStages } from "../../src/core/progress.ts";
import { learnedStages } from "../../src/core/stage-times.ts";
import { DocumentThreads } from "../../src/pipelines/documents/document-threads.ts";
import { documentsPipeline, openLibrary, toDocumentOptions } from "../../src/pipelines/documents/documents-pipeline.ts";
import { BUILT_IN_EMBEDDER } from "../../src/pipelines/documents/embed/built-in-embedder.ts";
import { loadModelEmbedder } from "../../src/pipelines/documents/embed/model-embedder.ts";
import { LibraryFile } from "../../src/pipelines/documents/library/library-file.ts";
import { StatusManager } from "../../src/views/status-manager.ts";
import { ingest, recordingStep, writeFiles } from "../support/ingest.ts";
import { LAYOUTS, makeDocx, makePdf, SCRIPTS } from "../support/make-documents.ts";
import { aborted, openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";

const LIMITS = { stepMs: 60_000, storingMs: 60_000, threadMemoryMb: 512 };

function taskOf(path: string, options: Readonly<Record<string, unknown>> & { readonly index: string }) {
  const filename = path.slice(path.lastIndexOf("/") + 1);
  return { path, filename, metadata: {}, sha256: null, options: toDocumentOptions(options) };
}

describe("PDFs", () => {
  test("each sentence is found on its page: scripts, columns, rotated pages", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const kinds = [
      ...SCRIPTS.map((script) => ({ script, layout: "plain" as const })),
      ...LAYOUTS.map((layout) => ({ script: "latin" as const, layout })),
    ];
    const pagesOf = (at: number): number => 1 + 2 * at;
    const made = await Promise.all(kinds.map((kind, seed) => makePdf({ ...kind, seed, pages: pagesOf(seed) })));
    const paths = writeFiles(folder, Object.fromEntries(made.map(({ bytes }, at) => [`${at}.pdf`, bytes])));
    const { batch, items } = await ingest(paths, { index });
    expect(batch.counts).toMatchObject({ total: kinds.length, completed: kinds.length });
    expect(items.map(({ output }) => (output as { totalPages: number }).totalPages)).toEqual(
      kinds.map((_, at) => pagesOf(at)),
    );
    using library = await openLibrary(index);
    const missed: string[] = [];
    for (const [at, { sentences }] of made.entries()) {
      for (const { page, text } of sentences) {
        const [hit] = await library.search(text, { limit: 1 });
        const found = `${hit?.document.filename} ${hit?.page}`;
        if (found !== `${at}.pdf ${page}`) missed.push(`${at}.pdf ${page}: ${text}; found ${found}`);
      }
    }
    expect(missed).toEqual([]);
  });

  test("pages have pictures, and a picture of a page finds it", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const { bytes } = await makePdf({ seed: 9, pages: 8, layout: "images" });
    const { items } = await ingest(writeFiles(folder, { "pictures.pdf": bytes }), { index });
    expect(items[0]?.output).toMatchObject({ totalPages: 8, numChunks: 0 });
    using library = await openLibrary(index);
    for (const page of [1, 5, 8]) {
      const picture = await library.thumbnail(items[0]?.key ?? "", page);
      expect(await sharp(picture).metadata()).toMatchObject({ format: "jpeg", height: 480 });
      const [hit] = await library.searchByImage(picture ?? new Uint8Array());
      expect([hit?.document.filename, hit?.page]).toEqual(["pictures.pdf", page]);
    }
    await expect(library.searchByImage(Buffer.from("no image"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await library.thumbnail("0".repeat(64), 1)).toBeUndefined();
  });

  test("without pictures only the text is kept", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const { bytes, sentences } = await makePdf({ seed: 3, pages: 3 });
    const pictures = await makePdf({ seed: 3, pages: 1, layout: "images" });
    const files = writeFiles(folder, { "text.pdf": bytes, "pictures.pdf": pictures.bytes });
    const { items } = await ingest(files, { index, visual: false });
    expect(items.map(({ error }) => error?.code)).toEqual([undefined, "EMPTY_DOCUMENT"]);
    using library = await openLibrary(index);
    expect(await library.thumbnail(items[0]?.key ?? "", 1)).toBeUndefined();
    expect((await library.search(sentences[1]?.text ?? ""))[0]?.page).toBe(2);
  });
});

test("other formats: the text is found, scripts and styles are not, by content and not by name", async () => {
  const folder = temporaryFolder();
  const index = join(folder, "library.db");
  const html =
    "<!doctype html><title>Tide tables</title><style>p{x:hidden}</style><script>fetch('http://127.0.0.1:9')</script>" +
    "<p>High water comes <b>twice</b> a day &amp; night.<p>Second paragraph<img src='http://127.0.0.1:9/x.png'>";
  const files = writeFiles(folder, {
    "letter.pdf": await makeDocx(["The lighthouse keeper wrote a letter.", "Its lamp & lens <shone>."]),
    "page.txt": html,
    "notes.md": "# Harbours\n\nThe *quay* was rebuilt in `1897`.\n\n<script>evil()</script>\n\n- ropes\n- anchors\n",
    "utf16.txt": Buffer.from("\ufeffDer Leuchtturm von Büsum\u0000.", "utf16le"),
    "latin1.txt": Buffer.from("Caf\xe9 cr\xe8me on the pier", "latin1"),
    "chinese.txt": "北京是中华人民共和国的首都，全国政治中心。上海在东边。",
    "japanese.txt": "私は昨日、東京タワーを見に行きました。とても高かったです。",
    "thai.txt": "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย และมีประชากรมาก",
  });
  const { items } = await ingest(files, { index });
  expect(items.map(({ state }) => state)).toEqual(items.map(() => "completed"));
  using library = await openLibrary(index);
  const formats = await Promise.all(items.map(async ({ key }) => (await library.document(key))?.format));
  expect(formats).toEqual(["docx", "html", "markdown", "text", "text", "text", "text", "text"]);
  expect((await library.document(items[1]?.key ?? ""))?.title).toBe("Tide tables");

  const first = async (query: string): Promise<string | undefined> =>
    (await library.search(query))[0]?.document.filename;
  expect(await first("lamp & lens <shone>")).toBe("letter.pdf");
  expect(await first("water twice a day & night")).toBe("page.txt");
  expect(await first("quay rebuilt 1897")).toBe("notes.md");
  expect(await first("LEUCHTTURM Busum")).toBe("utf16.txt");
  expect(await first("café crème")).toBe("latin1.txt");
  for (const query of ["首都", "政治中心", "中华人民共和国", "海"])
    expect([query, await first(query)]).toEqual([query, "chinese.txt"]);
  for (const query of ["東京", "東京タワー", "昨日"])
    expect([query, await first(query)]).toEqual([query, "japanese.txt"]);
  for (const query of ["เมืองหลวง", "ประเทศไทย"]) expect([query, await first(query)]).toEqual([query, "thai.txt"]);
  const texts = (await Promise.all(["fetch", "hidden", "evil"].map((word) => library.search(word)))).flat();
  expect(texts.filter(({ snippet }) => /fetch|hidden|evil/.test(snippet))).toEqual([]);
  expect((await library.search("quay"))[0]).toMatchObject({ page: null, snippet: expect.stringContaining("quay") });
});

describe("the same content again", () => {
  test("is one item, is answered with what is there, and is replaced where the settings differ", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const { bytes, sentences } = await makePdf({ seed: 4, pages: 4 });
    const files = writeFiles(folder, { "a.pdf": bytes, "b.pdf": bytes });
    const first = await ingest(files, { index });
    expect(first.batch.counts.total).toBe(1);
    const [item] = first.items;

    // Nothing is read: the files are gone.
    const told: string[] = [];
    const task = { ...taskOf(files[0] ?? "", { index }), sha256: item?.key ?? "" };
    for (const file of files) renameSync(file, `${file}.gone`);
    expect(
      await new DocumentThreads(LIMITS).run(
        task,
        recordingStep((what) => told.push(what)),
      ),
    ).toEqual(item?.output);
    expect(told).toEqual(["cached"]);

    for (const file of files) renameSync(`${file}.gone`, file);
    const again = await ingest(files, { index, chunkSize: 200 });
    const [before, after] = [item?.output, again.items[0]?.output] as { documentId: number; numChunks: number }[];
    expect(after?.numChunks).toBeGreaterThan(before?.numChunks ?? 0);
    using library = await openLibrary(index);
    expect(await library.documents()).toHaveLength(1);
    const hits = await library.search(sentences[2]?.text ?? "", { limit: 100 });
    expect(new Set(hits.map(({ document }) => document.id))).toEqual(new Set([after?.documentId]));
    const db = new DatabaseSync(index, { readOnly: true });
    expect(db.prepare("SELECT count(*) AS n FROM pages").get()?.n).toBe(4);
    expect(db.prepare("SELECT count(*) AS n FROM chunks").get()?.n).toBe(after?.numChunks);
    expect(db.prepare("SELECT count(*) AS n FROM page_vectors_rowids").get()?.n).toBe(4);
    db.close();
    expect(await library.remove(item?.key ?? "")).toBe(true);
    expect(await library.remove(item?.key ?? "")).toBe(false);
    expect(await library.search(sentences[2]?.text ?? "")).toEqual([]);
  });

  test("a file that has changed since it was planned is not taken for the old one", async () => {
    const folder = temporaryFolder();
    const [path = ""] = writeFiles(folder, { "a.txt": "new text" });
    const task = { ...taskOf(path, { index: join(folder, "library.db") }), sha256: "0".repeat(64) };
    await expect(new DocumentThreads(LIMITS).run(task, recordingStep())).rejects.toMatchObject({
      code: "DOCUMENT_CHANGED",
    });
    rmSync(path);
    await expect(new DocumentThreads(LIMITS).run(task, recordingStep())).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });
});

describe("progress", () => {
  test("follows the stages' shares, whatever earlier batches took", () => {
    const declared = toStages(documentsPipeline().stages ?? []);
    const seconds = { parsing: 9, embedding_visual: 1, embedding_text: 1, storing: 9 };
    const stages = learnedStages(declared, { items: 100, seconds });
    const at = (stage: string, done: number | null = null, total: number | null = null): number =>
      fractionOf(stages, { stage, done, total, unit: null, message: null }) / FRACTION_ONE;
    expect(at("parsing")).toBe(0.1);
    expect(at("parsing", 3, 4)).toBe(0.1);
    for (const done of [0, 1, 13, 20]) expect(at("embedding_visual", done, 20)).toBeCloseTo(0.1 + (0.5 * done) / 20, 5);
    for (const done of [0, 4, 9]) expect(at("embedding_text", done, 9)).toBeCloseTo(0.6 + (0.3 * done) / 9, 5);
    expect(at("storing", 1, 2)).toBe(0.95);
  });

  test("is what StatusManager shows of it, under the hash of its content", async () => {
    const folder = temporaryFolder();
    const { bytes } = await makePdf({ seed: 11, pages: 6 });
    const files = writeFiles(folder, { "a.pdf": bytes, "bad.pdf": "%PDF-1.4" });
    const milepost = await openForTest("sqlite");
    await using manager = new StatusManager(milepost);
    const { items } = await ingest(files, { index: join(folder, "library.db") }, { milepost });
    const [good, bad] = await Promise.all(items.map(({ key }) => manager.getStatus(key)));
    expect(good).toMatchObject({ filename: "a.pdf", status: "completed", progress: 1 });
    expect(bad).toMatchObject({
      filename: "bad.pdf",
      status: "failed",
      progress: 0.1,
      error: expect.stringContaining("damaged"),
    });
    expect(await manager.listActive()).toEqual([]);
  });

  test("an aborted document goes on at the page it had reached", async () => {
    const folder = temporaryFolder();
    const { bytes, sentences } = await makePdf({ seed: 5, pages: 12 });
    const [path = ""] = writeFiles(folder, { "a.pdf": bytes });
    const task = taskOf(path, { index: join(folder, "library.db") });
    const threads = new DocumentThreads(LIMITS);
    const first: string[] = [];
    const step = recordingStep((what) => {
      first.push(what);
      if (what === "7/12") step.abort.abort(new Error("stopped"));
    });
    await expect(threads.run(task, step)).rejects.toThrow("stopped");
    expect(first.slice(0, 3)).toEqual(["parsing", "embedding_visual", "1/12"]);
    using library = await openLibrary(task.options.index);
    expect(await library.search(sentences[0]?.text ?? "")).toEqual([]);

    const second: string[] = [];
    await threads.run(
      task,
      recordingStep((what) => second.push(what)),
    );
    expect(second.slice(0, 4)).toEqual(["parsing", "embedding_visual", "7/12", "8/12"]);
    expect(second.slice(-2)).toEqual(["storing", "1/2"]);
    for (const { page, text } of sentences) expect((await library.search(text))[0]?.page).toBe(page);
  });

  test("a paused document halts between two pages", async () => {
    const folder = temporaryFolder();
    const { bytes } = await makePdf({ seed: 6, pages: 5 });
    const [path = ""] = writeFiles(folder, { "a.pdf": bytes });
    const told: string[] = [];
    const resume = signal();
    const halted = signal();
    const step = {
      ...recordingStep((what) => told.push(what)),
      paused: async () => {
        if (told.at(-1) !== "2/5") return;
        halted.give();
        await resume.wait;
      },
    };
    const done = new DocumentThreads(LIMITS).run(taskOf(path, { index: join(folder, "library.db") }), step);
    await halted.wait;
    expect(told).toEqual(["parsing", "embedding_visual", "1/5", "2/5"]);
    resume.give();
    expect(await done).toMatchObject({ totalPages: 5 });
  });

  test("a lost lease ends the thread, and the next document gets another", async () => {
    const folder = temporaryFolder();
    const { bytes } = await makePdf({ seed: 7, pages: 3 });
    const [path = ""] = writeFiles(folder, { "a.pdf": bytes });
    const threads = new DocumentThreads(LIMITS);
    const task = taskOf(path, { index: join(folder, "library.db") });
    const step = {
      ...recordingStep(),
      progress() {
        throw new Error("lease lost");
      },
    };
    await expect(threads.run(task, step)).rejects.toThrow("lease lost");
    expect(await threads.run(task, recordingStep())).toMatchObject({ totalPages: 3 });
    const gone = recordingStep();
    gone.abort.abort(new Error("too late"));
    await aborted(gone.signal);
    await expect(threads.run(task, gone)).rejects.toThrow("too late");
  });
});

describe("search", () => {
  test("no query is an error", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    await ingest(writeFiles(folder, { "a.txt": 'Quotes " and stars * and (brackets) NEAR AND OR NOT 東京' }), {
      index,
    });
    using library = await openLibrary(index);
    for (const query of [
      "",
      " ",
      '"',
      "*",
      "(",
      'a"b',
      "NEAR(a b)",
      "AND",
      "words : x",
      "-a",
      "^a",
      "{a b}",
      "a".repeat(10_240),
      "\ud800",
      "\0",
    ]) {
      await library.search(query);
    }
    expect(await library.search("…!?")).toEqual([]);
    expect((await library.search("NOT stars"))[0]?.document.filename).toBe("a.txt");
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (query) => {
        await library.search(query);
      }),
      { numRuns: 300 },
    );
    for (const limit of [0, 101, 1.5]) {
      await expect(library.search("a", { limit })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  test("sees whole documents while others are being added", async () => {
    const folder = temporaryFolder();
    const index = join(folder, "library.db");
    const { bytes } = await makePdf({ seed: 8, pages: 30 });
    const files = writeFiles(folder, { "a.txt": "harbour", "b.pdf": bytes });
    await ingest(files.slice(0, 1), { index });
    using library = await openLibrary(index);
    const milepost = await openForTest("sqlite");
    let isDone = false;
    const done = ingest(files.slice(1), { index }, { milepost }).finally(() => {
      isDone = true;
    });
    const counts = new Set<number>();
    while (!isDone) {
      counts.add((await library.search("harbour", { limit: 100 })).length);
      await setImmediate();
    }
    await done;
    const whole = (await library.search("harbour", { limit: 100 })).length;
    expect([...counts].filter((count) => count !== 1 && count !== whole)).toEqual([]);
  });
});

describe("an index", () => {
  test("that is none, or another's, is refused and left as it is", async () => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    await expect(openLibrary(at("none.db"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    writeFileSync(at("text.db"), "this is no database, but long enough to be looked at as one".repeat(20));
    await expect(openLibrary(at("text.db"))).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
    const other = new DatabaseSync(at("other.db"));
    other.exec("CREATE TABLE mine (a)");
    other.close();
    const [item] = (await ingest(writeFiles(folder, { "a.txt": "text" }), { index: at("other.db") })).items;
    expect(item).toMatchObject({ state: "failed", error: { code: "STORE_UNSUPPORTED" } });

    await ingest(writeFiles(folder, { "b.txt": "text" }), { index: at("library.db") });
    const embedder = { ...BUILT_IN_EMBEDDER, name: "another" };
    await expect(LibraryFile.open(at("library.db"), { embedder })).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("built-in-1"),
    });
    const newer = new DatabaseSync(at("library.db"));
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await expect(openLibrary(at("library.db"))).rejects.toMatchObject({ code: "STORE_SCHEMA" });
  });

  test("options are checked before anything is read", () => {
    const index = "/tmp/library.db";
    expect(toDocumentOptions({ index })).toEqual({ index, chunkSize: 800, overlap: 160, visual: true, model: null });
    const wrong = [
      {},
      { index: "a.db" },
      { index, chunkSize: 10 },
      { index, overlap: 500 },
      { index, visual: 1 },
      { index, x: 1 },
    ];
    for (const options of wrong) expect(() => toDocumentOptions(options)).toThrow(/must be/);
  });
});

describe("a model", () => {
  test("that is not there, and a package that is not installed, are said so", async () => {
    const folder = temporaryFolder();
    await expect(loadModelEmbedder(join(folder, "none"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(loadModelEmbedder(folder)).rejects.toMatchObject({
      code: "MISSING_DEPENDENCY",
      message: expect.stringContaining("npm install @huggingface/transformers"),
    });
    const index = join(folder, "library.db");
    const { items } = await ingest(writeFiles(folder, { "a.txt": "text" }), { index, model: folder });
    expect(items[0]?.error).toMatchObject({ code: "MISSING_DEPENDENCY" });
  });

  test("gives vectors of the length 1 and keeps off the network", async () => {
    const env = { allowRemoteModels: true };
    const asked: unknown[] = [];
    const pipeline = async (...given: unknown[]) => {
      asked.push(given);
      return async (texts: string[]) => ({
        dims: [texts.length, 2],
        data: texts.flatMap((text) => [3, text.length && 4]),
      });
    };
    const folder = temporaryFolder();
    const embedder = await loadModelEmbedder(folder, async () => ({ env, pipeline }));
    expect([env.allowRemoteModels, asked]).toEqual([
      false,
      [["feature-extraction", folder, { local_files_only: true }]],
    ]);
    expect(embedder.dimensions.texts).toBe(2);
    const [first, second] = await embedder.embedTexts(["a", ""]);
    expect([...(first ?? [])].map((value) => value.toFixed(3))).toEqual(["0.600", "0.800"]);
    expect([...(second ?? [])]).toEqual([1, 0]);
    expect(await embedder.embedTexts([])).toEqual([]);
  });
});
