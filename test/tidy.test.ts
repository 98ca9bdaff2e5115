import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));
const web = fileURLToPath(new URL("../web/src", import.meta.url));

/** Layer → layers it may import. `root` files (index, open-milepost) are named one by one. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ports: ["core"],
  platform: ["ports"],
  engine: ["ports", "core"],
  stores: ["ports", "core"],
  testing: ["ports", "core"],
  "open-milepost": ["engine", "platform", "stores", "ports", "core"],
  views: ["engine", "core", "open-milepost"],
  pipelines: ["engine", "views", "platform", "core"],
  format: [],
  wire: ["core"],
  server: ["engine", "views", "pipelines", "wire", "core", "ports", "platform"],
  client: ["wire", "core"],
  // In a folder beside `src`, with types of its own.
  web: ["client", "wire", "format", "core"],
  react: ["client", "wire", "format", "core"],
  index: ["core", "ports", "engine", "views", "pipelines", "open-milepost"],
  cli: [
    "core",
    "ports",
    "platform",
    "engine",
    "stores",
    "views",
    "pipelines",
    "format",
    "wire",
    "server",
    "client",
    "open-milepost",
  ],
};

/** Node's modules and packages that a layer may use; a layer that is not named may use what it needs. */
const OUTSIDE: Readonly<Record<string, RegExp>> = {
  core: /^$/,
  ports: /^$/,
  format: /^$/,
  engine: /^$/,
  wire: /^zod$/,
  web: /^(react|react-dom\/client|@tanstack\/react-virtual|uplot|uplot\/dist\/uPlot\.min\.css)$/,
  react: /^react$/,
};
/** The one part of the engine that is about Node's threads. */
const THREADS = "engine/threads/";

const LINES_MAX = 400;
const FORBIDDEN_FOLDERS = ["classes", "interfaces", "utils", "helpers", "lib", "common"];

interface Source {
  readonly path: string;
  readonly layer: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** Those of `src`, and those of the dashboard under `web/`, as if that were a folder of it. */
function readSources(): readonly Source[] {
  const paths = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const pages = readdirSync(web, { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path));
  return [
    ...paths.map((path) => readSource(src, path, path)),
    ...pages.map((path) => readSource(web, path, `web/${path}`)),
  ];
}

function readSource(folder: string, file: string, path: string): Source {
  const text = readFileSync(join(folder, file), "utf8");
  const imports = [...text.matchAll(/(?:from\s+|import\(|^import\s+)"([^"]+)"/gm)].map((match) => match[1] ?? "");
  return { path, layer: layerOf(path), text, imports };
}

/** The layer that a file's relative import leads to. */
function targetOf({ path }: Source, name: string): string {
  const file = path.startsWith("web/") ? join(web, path.slice("web/".length)) : join(src, path);
  const target = join(file, "..", name);
  return target.startsWith(web) ? "web" : layerOf(relative(src, target));
}

function layerOf(path: string): string {
  return (path.split(/[\\/]/)[0] ?? "").replace(/\.ts$/, "");
}

/** What a file exports, itself or from others, without a docstring; of a constant and a type of one name, one has it. */
function silentExports(path: string): readonly string[] {
  const { text } = sources.find((source) => source.path === path) ?? { text: "" };
  const own = [...text.matchAll(/(\*\/\n)?^export (?:async )?(?:interface|class|type|const|function) (\w+)/gm)];
  const told = new Set(own.filter(([, doc]) => doc !== undefined).map(([, , name]) => name));
  const silent = own.map(([, , name]) => name ?? "").filter((name) => !told.has(name));
  const passedOn = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)].flatMap(
    ([, names = "", from = ""]) => {
      const wanted = names.split(",").map(
        (name) =>
          name
            .trim()
            .replace(/^type /, "")
            .split(" ")[0] ?? "",
      );
      return silentExports(join(path, "..", from)).filter((one) => wanted.includes(one.split(" ")[1] ?? ""));
    },
  );
  return [...silent.map((name) => `${path} ${name}`), ...passedOn];
}

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const sources = readSources();
const shipped = sources.filter(({ path }) => !path.endsWith(".test.ts") && !path.startsWith("web/testing/"));

describe("layers", () => {
  test("every file belongs to a known layer", () => {
    expect(sources.filter(({ layer }) => LAYERS[layer] === undefined).map(({ path }) => path)).toEqual([]);
  });

  test("a file imports only from its own layer and those it may import", () => {
    const wrong = shipped.flatMap((source) =>
      source.imports
        .filter((name) => name.startsWith("."))
        .map((name) => targetOf(source, name))
        .filter((target) => target !== source.layer && !LAYERS[source.layer]?.includes(target))
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the pure layers use neither Node nor packages", () => {
    const wrong = shipped.flatMap(({ path, layer, imports }) =>
      imports
        .filter((name) => !name.startsWith(".") && OUTSIDE[layer] !== undefined && !path.startsWith(THREADS))
        .filter((name) => !OUTSIDE[layer]?.test(name))
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test("time and chance are read in platform alone", () => {
    const impure = /\b(Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|setTimeout\(|setInterval\()/;
    const layers = ["core", "ports", "engine", "stores"];
    const wrong = shipped.filter(
      ({ layer, path, text }) => layers.includes(layer) && !path.endsWith("-thread.ts") && impure.test(text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe("starting", () => {
  /** The packages that loading a file loads, by the files that import them. */
  const packagesFrom = (entry: string): readonly string[] => {
    const [found, seen] = [new Set<string>(), new Set([entry])];
    for (const path of seen) {
      const { text } = sources.find((source) => source.path === path) ?? { text: "" };
      for (const [, name = ""] of text.matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?"([^"]+)"/gm)) {
        if (name.startsWith(".")) seen.add(join(path, "..", name));
        else if (!name.startsWith("node:")) found.add(name);
      }
    }
    return [...found].sort();
  };

  test("the library loads no package, the command line only its parser: the rest when it is needed", () => {
    expect(packagesFrom("index.ts")).toEqual([]);
    expect(packagesFrom("cli/main.ts")).toEqual(["commander"]);
    expect(packagesFrom("server/server.ts")).toContain("fastify");
  });
});

describe("the dashboard", () => {
  const pages = shipped.filter(({ layer }) => layer === "web");

  test("takes types alone of what goes over the wire: no schema is sent to browsers", () => {
    const wrong = pages.filter(({ text }) => /^import (?!type )[^;]*"[./]*\/src\/wire\//m.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("shows texts as texts, and asks no other host for anything", () => {
    const risky = /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|https?:\/\//;
    expect(pages.filter(({ text }) => risky.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("files", () => {
  test(`no file is longer than ${LINES_MAX} lines`, () => {
    const long = sources.filter(({ text }) => text.split("\n").length > LINES_MAX + 1);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test("names are kebab-case and no folder is named by kind", () => {
    const wrong = sources.filter(
      ({ path }) => !/^[a-z0-9/.-]+$/.test(path) || path.split("/").some((part) => FORBIDDEN_FOLDERS.includes(part)),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("nothing is left behind or switched off", () => {
    const left = /\b(TODO|FIXME|XXX)\b|@ts-ignore|@ts-expect-error/;
    expect(shipped.filter(({ text }) => left.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test("whatever an entry of the package exports says what it is", () => {
    const entries = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === "string" ? [] : [entry.types],
    );
    const silent = entries.flatMap((types) => silentExports(types.replace("./dist/", "").replace(".d.ts", ".ts")));
    expect([...new Set(silent)]).toEqual([]);
  });

  test("nothing is a default export", () => {
    expect(shipped.filter(({ text }) => /^export default/m.test(text)).map(({ path }) => path)).toEqual([]);
  });
});
