import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { callMain } from "./support/call-main.ts";

test("milepost copy makes a store that goes on where the other one was", async () => {
  const folder = temporaryFolder();
  const milepost = await openMilepost(join(folder, "old.db"), { logger: SILENT });
  milepost.pipeline("judge", ({ key }) => {
    if (key === "bad") throw new Error("cannot be read");
    return { key };
  });
  const { batch, id } = await milepost.submit({ pipeline: "judge", name: "one", items: ["good", "bad"], attempts: 1 });
  await milepost.submit({ pipeline: "other", name: "two", items: ["waiting"] });
  const worker = await milepost.work();
  await batch.done();
  const refused = await callMain(["copy", "old.db", "new.db"], folder);
  expect([refused.status, existsSync(join(folder, "new.db"))]).toEqual([2, false]);
  expect(refused.stderr).toContain("nobody works on it");
  await worker.stop();
  const before = await batch.snapshot();
  await milepost.close();

  const copied = await callMain(["copy", "old.db", "new.db"], folder);
  const said = `${join(folder, "new.db")}: 3 items in 2 batches, compared and verified\n`;
  expect(copied).toEqual({ status: 0, stdout: said, stderr: "" });
  const again = await callMain(["copy", "old.db", "newer.db", "--json"], folder);
  expect(JSON.parse(again.stdout)).toMatchObject({
    batches: 2,
    items: 3,
    checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect((await callMain(["copy", "old.db", "new.db"], folder)).status).toBe(2);
  expect((await callMain(["copy", "none.db", "other.db"], folder)).status).toBe(4);
  expect((await callMain(["copy", "old.db", "mysql://somewhere/db"], folder)).status).toBe(4);

  await using copy = await openMilepost(join(folder, "new.db"), { logger: SILENT });
  expect(await copy.batch(id).snapshot()).toEqual(before);
  expect((await copy.batch(id).failures())[0]).toMatchObject({ message: "cannot be read" });
  copy.pipeline("other", () => {});
  await copy.work();
  expect(await copy.batch("two").done()).toMatchObject({ outcome: "success" });
});
