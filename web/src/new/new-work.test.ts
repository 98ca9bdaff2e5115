import { expect, test } from "vitest";
import { ApiError, type Client } from "../../../src/client/client.ts";
import { guessPipeline } from "./guess-pipeline.ts";
import { optionFields, readOptions } from "./option-fields.ts";
import { UploadStore } from "./upload-store.ts";

const PIPELINES = [
  { name: "images", stages: [], accepts: ["image/png", "image/jpeg"], options: {} },
  { name: "karaoke", stages: [], accepts: ["application/json", "text/x-lrc", "audio/mpeg", "image/png"], options: {} },
  { name: "documents", stages: [], accepts: ["application/pdf", "text/markdown"], options: {} },
];

function named(...files: readonly (readonly [name: string, type: string])[]): string | null {
  return (
    guessPipeline(
      PIPELINES,
      files.map(([name, type]) => ({ name, type })),
    )?.name ?? null
  );
}

test("the pipeline is told by the files: what takes most of them", () => {
  expect(named(["a.png", "image/png"], ["b.jpg", "image/jpeg"])).toBe("images");
  expect(named(["a.png", "image/png"])).toBe("images");
  expect(named(["song.json", "application/json"], ["song.LRC", ""], ["back.png", "image/png"])).toBe("karaoke");
  expect(named(["notes.md", ""])).toBe("documents");
  expect(named(["what", ""])).toBeNull();
  expect(named()).toBeNull();
});

const OPTIONS = {
  type: "object",
  properties: {
    width: { description: "Pixels", anyOf: [{ type: "integer", minimum: 1, maximum: 100 }, { type: "null" }] },
    withoutEnlargement: { type: "boolean" },
    format: { type: "string", enum: ["keep", "png"] },
    places: { type: "array" },
  },
};

test("a form is made of a JSON Schema, and what is typed there is checked by it", () => {
  const fields = optionFields({ options: OPTIONS });
  expect(fields.map(({ label, kind }) => [label, kind])).toEqual([
    ["Width", "number"],
    ["Without enlargement", "yes-no"],
    ["Format", "choice"],
  ]);
  expect(fields[0]).toMatchObject({ note: "Pixels", least: 1, most: 100, isWhole: true });
  const typed = (width: string): ReadonlyMap<string, string> =>
    new Map([
      ["width", width],
      ["withoutEnlargement", "no"],
      ["format", ""],
    ]);
  expect(readOptions(fields, typed(" 50 ")).options).toEqual({ width: 50, withoutEnlargement: false });
  for (const wrong of ["0", "101", "1.5", "wide", "1e9"]) {
    const { options, problems } = readOptions(fields, typed(wrong));
    expect([options.width, problems.get("width")]).toEqual([undefined, "It must be a whole number from 1 to 100."]);
  }
  expect(optionFields({ options: null })).toEqual([]);
});

function refused(status: number): ApiError {
  return new ApiError({ type: "/problems/x", title: "No", status, detail: "no" }, null);
}

/** A store whose server answers each file by its name, and what it was asked. */
function storeOf(answers: Readonly<Record<string, Error>>) {
  const asked: unknown[] = [];
  const client: Pick<Client, "upload" | "deleteUpload" | "processBatch"> = {
    upload: async ([file]) => {
      const name = file?.name ?? "";
      asked.push(name);
      const error = answers[name];
      if (error !== undefined) throw error;
      return { files: [{ fileId: `id of ${name}`, filename: name, size: 1, type: "image/png" }] };
    },
    deleteUpload: async (fileId) => void asked.push(`delete ${fileId}`),
    processBatch: async (request) => {
      asked.push(request);
      return { batchId: "batch" };
    },
  };
  return { store: new UploadStore({ client, schedule: (task) => task() }), asked };
}

const file = (name: string): File => new File(["x"], name);

test("what was refused is left out when it is sent again, and what was sent is not sent twice", async () => {
  const { store, asked } = storeOf({ "b.png": refused(415) });
  store.add([file("a.png"), file("b.png"), file("c.png")]);
  expect(await store.send({ pipeline: "images" })).toBeNull();
  expect(store.rows.map(({ state, file: { name } }) => [name, state])).toEqual([
    ["b.png", "refused"],
    ["a.png", "sent"],
    ["c.png", "sent"],
  ]);
  expect(store.bytes).toEqual({ sent: 2, total: 3 });
  expect(await store.send({ pipeline: "images" })).toBe("batch");
  expect(asked).toEqual(["a.png", "b.png", "c.png", { pipeline: "images", fileIds: ["id of a.png", "id of c.png"] }]);
});

test("where the server is away nothing more is sent, and all is kept for another try", async () => {
  const { store, asked } = storeOf({ "a.png": new TypeError("away") });
  store.add([file("a.png"), file("b.png")]);
  expect(await store.send({})).toBeNull();
  expect(store.rows.map(({ state }) => state)).toEqual(["broken", "waiting"]);
  expect([asked, store.isSending]).toEqual([["a.png"], false]);
});

test("a file that is taken out is deleted on the server; a batch that is refused says why", async () => {
  const { store, asked } = storeOf({});
  store.add([file("a.png"), file("b.png")]);
  await store.send({});
  store.remove(store.rows[0]?.id ?? 0);
  expect(asked).toContain("delete id of a.png");
  expect(store.files.map(({ name }) => name)).toEqual(["b.png"]);
});
