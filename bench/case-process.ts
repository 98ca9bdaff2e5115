/** The process of one measured case: `node case-process.js <module> <input as JSON>`; sends the figures to its parent. */
import type { Measure } from "./case.ts";

const [module = "", input = "{}"] = process.argv.slice(2);
const { measure } = (await import(module)) as { readonly measure: Measure<unknown> };
const figures = await measure(JSON.parse(input));
process.send?.(figures, () => process.disconnect());
