// What a page downloads: modules gzipped, and JavaScript minified and gzipped, in the pieces that a bundler makes of it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const web = fileURLToPath(new URL("..", import.meta.url));
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

const PEERS = {
  "lru-cache": `export { LRUCache } from "lru-cache"`,
  "quick-lru": `export { default } from "quick-lru"`,
  "keyv": `export { Keyv } from "keyv"`,
  "unstorage, memory": `export { createStorage } from "unstorage"; export { default } from "unstorage/drivers/memory"`,
  "unstorage, indexedb": `export { createStorage } from "unstorage"; export { default } from "unstorage/drivers/indexedb"`,
  "idb-keyval": `export * from "idb-keyval"`,
  "localForage": `export { default } from "localforage"`,
};

async function pieces(contents) {
  const options = { bundle: true, splitting: true, format: "esm", platform: "browser", target: "es2022", minify: true, write: false, metafile: true };
  const from = { stdin: { contents, resolveDir: web }, absWorkingDir: web, outdir: web, external: ["buffer"], logLevel: "error" };
  const { outputFiles, metafile } = await build({ ...options, ...from });
  const sizes = new Map(outputFiles.map(({ path, contents }) => [path.slice(web.length), { raw: contents.length, gzipped: gzipped(contents) }]));
  return { sizes, outputs: metafile.outputs };
}

/** What a piece brings at once, itself included. */
function needed(outputs, name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind } of outputs[name].imports) if (kind === "import-statement" && path in outputs) needed(outputs, path, found);
  return found;
}

/** The cache in memory, in one file without the parts that are loaded when they are asked for. */
export async function core() {
  const later = {
    name: "parts that are loaded later",
    setup: ({ onResolve }) => onResolve({ filter: /./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined)),
  };
  const options = { bundle: true, format: "esm", platform: "browser", target: "es2022", minify: true, write: false, plugins: [later] };
  const from = { stdin: { contents: `export { Larder } from "./pkg/index.js"`, resolveDir: web }, absWorkingDir: web, external: ["buffer"], logLevel: "error" };
  const [{ contents }] = (await build({ ...options, ...from })).outputFiles;
  return { raw: contents.length, gzipped: gzipped(contents) };
}

const sum = (sizes, names) => [...names].reduce(({ raw, gzipped }, name) => ({
  raw: raw + sizes.get(name).raw,
  gzipped: gzipped + sizes.get(name).gzipped,
}), { raw: 0, gzipped: 0 });

/** Rows of name, bytes, and bytes gzipped. */
export async function sizes() {
  const rows = [];
  for (const name of ["larder", "slim", "fast"]) {
    const bytes = readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url));
    rows.push([`${name}.wasm`, { raw: bytes.length, gzipped: gzipped(bytes) }]);
  }
  const { sizes, outputs } = await pieces(`export { Larder } from "./pkg/index.js"`);
  const entry = Object.keys(outputs).find((name) => outputs[name].entryPoint === "<stdin>");
  const first = needed(outputs, entry);
  rows.push(["larder-web: `import { Larder }`", await core()]);
  rows.push([`the same beside the parts below, in ${first.size} pieces`, sum(sizes, first)]);
  for (const [what, file] of [["with a store", "pkg/store/open.js"], ["with pools", "pkg/pools/pool.js"], ["with prediction or prefetch", "pkg/prefetch/prefetching.js"], ["for snapshots", "pkg/snapshot.js"]]) {
    const chunk = Object.keys(outputs).find((name) => outputs[name].entryPoint === file);
    rows.push([`larder-web, more ${what}`, sum(sizes, [...needed(outputs, chunk)].filter((name) => !first.has(name)))]);
  }
  for (const [name, contents] of Object.entries(PEERS)) {
    const { sizes } = await pieces(contents);
    rows.push([name, sum(sizes, sizes.keys())]);
  }
  return rows;
}
