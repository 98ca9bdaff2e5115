import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { MilepostError } from "../../../core/errors.ts";
import { type Embedder, toUnitLength } from "./embedder.ts";
import { describePage, IMAGE_DIMENSIONS } from "./page-descriptor.ts";

/** What is used of `@huggingface/transformers`. */
interface Transformers {
  readonly env: { allowRemoteModels: boolean };
  pipeline(
    task: "feature-extraction",
    model: string,
    options: { readonly local_files_only: boolean },
  ): Promise<FeatureExtractor>;
}

type FeatureExtractor = (
  texts: string[],
  options: { readonly pooling: "mean"; readonly normalize: boolean },
) => Promise<{ readonly dims: readonly number[]; readonly data: ArrayLike<number> }>;

/** Not a dependency: what a literal names, the compiler and bundlers want to find. */
const PACKAGE: string = "@huggingface/transformers";

/**
 * An embedder of texts by a model on this disk, such as a checkout of `Xenova/multilingual-e5-small`, run by
 * `@huggingface/transformers`; nothing is ever downloaded. Vectors are means over the tokens, scaled to the length 1. Pages are
 * described as by the built-in embedder.
 *
 * @param folder the model's folder, absolute
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install; `INVALID_ARGUMENT` for a folder that holds no model
 */
export async function loadModelEmbedder(
  folder: string,
  load: () => Promise<unknown> = () => import(PACKAGE),
): Promise<Embedder> {
  const facts = await stat(folder).catch(() => null);
  if (facts?.isDirectory() !== true) throw noModel(folder, "there is no such folder");
  const transformers = (await load().catch((cause: unknown) => {
    throw new MilepostError(
      "MISSING_DEPENDENCY",
      `embedding with a model needs the package ${PACKAGE}; install it: npm install ${PACKAGE}`,
      { details: { package: PACKAGE }, cause },
    );
  })) as Transformers;
  transformers.env.allowRemoteModels = false;
  let extract: FeatureExtractor;
  try {
    extract = await transformers.pipeline("feature-extraction", folder, { local_files_only: true });
  } catch (error) {
    throw noModel(folder, error instanceof Error ? error.message : String(error), error);
  }
  const embedTexts = async (texts: readonly string[]): Promise<readonly Float32Array[]> => {
    if (texts.length === 0) return [];
    const { dims, data } = await extract([...texts], { pooling: "mean", normalize: true });
    const size = dims.at(-1) ?? 0;
    return texts.map((_, index) =>
      toUnitLength(Float32Array.from({ length: size }, (_zero, at) => data[index * size + at] ?? 0)),
    );
  };
  const [sample] = await embedTexts(["dimensions"]);
  return {
    name: `model ${basename(folder)}`,
    dimensions: { texts: sample?.length ?? 0, images: IMAGE_DIMENSIONS },
    embedTexts,
    embedImages: async (images) => images.map(describePage),
  };
}

function noModel(folder: string, found: string, cause?: unknown): MilepostError {
  return new MilepostError(
    "INVALID_ARGUMENT",
    `the model must be a folder with a model that @huggingface/transformers can load; at ${folder}: ${found}`,
    { cause },
  );
}
