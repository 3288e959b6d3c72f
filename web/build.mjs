// Builds the package into pkg/: the engine with wasm-pack, made small by binaryen, and the TypeScript around it. What is missing is
// installed where it may be, and named where it may not.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const web = dirname(fileURLToPath(import.meta.url));
const root = dirname(web);
const pkg = join(web, "pkg");
const WASM_PACK = "0.15.0";
const WASM_BINDGEN = "0.2.130";

/** What the small modules are made with. Nothing of a Rust program lies in the first 1,024 bytes, so that an address may take up a constant
 * (-lmu). Control flow is taken apart and made anew. A large function that is called once stays one: within another it would compress less
 * well (-ocimfs). */
const SMALLER = ["-lmu", "--flatten", "--rereloop", "-Oz", "-ocimfs", "20", "-Oz", "--strip-producers", "--strip-target-features"];

/** With the threshold of opt-level "z", which is 5, reads and writes take half as long again; with more than this the module grows. */
const SMALL = { level: "z", flags: "-Cllvm-args=-inline-threshold=35", optimiser: SMALLER, folder: "web" };
const FAST = { level: "3", flags: "", optimiser: ["-O3"], folder: "web-fast" };

/** Builds of the engine: file, features, how, folder. `fast` is for Node, where nobody downloads it, and has all calls of the contract; `simulation` is
 * for the demo page and no part of the package. */
const BUILDS = [
  ["larder", ["--no-default-features", "--features", "package"], SMALL, pkg],
  ["fast", [], FAST, pkg],
  ["slim", ["--no-default-features"], SMALL, pkg],
  ["simulation", ["--no-default-features", "--features", "simulation,policies"], SMALL, join(root, "target", "web")],
];

/** Entry points besides the first. */
const ENTRIES = ["whole", "fetch", "keyv", "memoize", "unstorage"];

/** What adapters are for. None of them is imported. */
const PEERS = { keyv: "^5.0.0", unstorage: "^1.10.0" };

function run(program, args, env = {}) {
  execFileSync(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "inherit", "inherit"] });
}

/** The version that a program says it has, or nothing. */
function version(program) {
  try {
    return execFileSync(program, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim().split(" ").at(-1);
  } catch {
    return undefined;
  }
}

function need(program, crate, wanted) {
  if (version(program) === wanted) return;
  console.log(`installing ${crate} ${wanted}`);
  try {
    run("cargo", ["install", crate, "--version", wanted]);
  } catch {
    console.error(`${crate} ${wanted} is missing and could not be installed: cargo install ${crate} --version ${wanted}`);
    process.exit(1);
  }
}

function needTarget() {
  const libraries = execFileSync("rustc", ["--print", "target-libdir", "--target", "wasm32-unknown-unknown"], { encoding: "utf8" });
  try {
    statSync(libraries.trim());
  } catch {
    try {
      run("rustup", ["target", "add", "wasm32-unknown-unknown"]);
    } catch {
      console.error("the target wasm32-unknown-unknown is missing and could not be installed: rustup target add wasm32-unknown-unknown");
      process.exit(1);
    }
  }
}

needTarget();
need("wasm-bindgen", "wasm-bindgen-cli", WASM_BINDGEN);
need("wasm-pack", "wasm-pack", WASM_PACK);
rmSync(pkg, { recursive: true, force: true });
mkdirSync(pkg, { recursive: true });
for (const [name, features, { level, flags, optimiser, folder }, to] of BUILDS) {
  // Directories of their own, so that neither a build of the host under way is waited for nor one way of building undoes the other.
  const target = join(root, "target", folder);
  const made = join(target, "pack", name);
  const env = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: flags, CARGO_PROFILE_WEB_OPT_LEVEL: level };
  const options = ["--mode", "no-install", "--target", "web", "--profile", "web", "--no-typescript", "--no-pack", "--no-opt", "--out-dir", made];
  run("wasm-pack", ["build", ...options, "web", "--", "--target-dir", target, ...features], env);
  const file = join(to, `${name}.wasm`);
  const enabled = ["bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "reference-types", "multivalue"];
  const input = join(made, "larder_web_bg.wasm");
  run(join(web, "node_modules", ".bin", "wasm-opt"), [...optimiser, ...enabled.map((feature) => `--enable-${feature}`), input, "-o", file]);
  const bytes = readFileSync(file);
  console.log(`${name}.wasm: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
run(join(web, "node_modules", ".bin", "tsc"), ["-p", join(web, "tsconfig.json")]);
const { name, version: number, description, license, type } = JSON.parse(readFileSync(join(web, "package.json"), "utf8"));
const exports = { ".": { types: "./index.d.ts", default: "./index.js" } };
for (const [module, , , to] of BUILDS) if (to === pkg) exports[`./${module}.wasm`] = `./${module}.wasm`;
for (const entry of ENTRIES) exports[`./${entry}`] = { types: `./${entry}.d.ts`, default: `./${entry}.js` };
const peerDependenciesMeta = Object.fromEntries(Object.keys(PEERS).map((peer) => [peer, { optional: true }]));
const manifest = { name, version: number, description, license, type, sideEffects: ["./whole.js"], exports, peerDependencies: PEERS, peerDependenciesMeta };
writeFileSync(join(pkg, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(web, "README.md"), join(pkg, "README.md"));
