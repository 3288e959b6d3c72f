// Builds the demo page into target/web/demo: a folder that any static server serves from any path. `npm run demo` builds and serves it, with
// `--build-only` it only builds. Needs the package to be built (`npm run build`).

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { serve } from "./serve.mjs";

const demo = fileURLToPath(new URL(".", import.meta.url));
const web = join(demo, "..");
const target = join(web, "..", "target", "web");
export const out = join(target, "demo");

/** What must be built before. */
const NEEDED = [join(web, "pkg", "index.js"), join(web, "pkg", "larder.wasm"), join(target, "simulation.wasm")];

function compile(project, to) {
  execFileSync(process.execPath, [join(web, "node_modules", "typescript", "bin", "tsc"), "-p", project, "--outDir", to], { stdio: "inherit" });
}

/** All files below a folder, as relative addresses, in a fixed order. */
function filesOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.map((file) => relative(folder, join(file.parentPath, file.name)).split(sep).join("/")).sort();
}

/** The service worker, told what it is to keep. */
function offline() {
  const made = join(out, "offline.js");
  compile(join(demo, "offline", "tsconfig.json"), out);
  const script = readFileSync(made, "utf8").replace(/^export \{\};$/m, "");
  rmSync(made);
  const files = filesOf(out).filter((file) => !file.includes("LICENSE"));
  const digest = createHash("sha256");
  for (const file of files) digest.update(`${file}\n`).update(readFileSync(join(out, file)));
  const version = digest.digest("hex").slice(0, 16);
  const list = JSON.stringify(["./", ...files], null, 1);
  writeFileSync(made, `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${list};\n${script}`);
}

export function build() {
  for (const file of NEEDED) {
    if (!existsSync(file)) throw new Error(`${relative(process.cwd(), file)} is missing; build the package first: npm --prefix web run build`);
  }
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "pkg"), { recursive: true });
  mkdirSync(join(out, "vendor"));
  compile(join(demo, "tsconfig.json"), out);
  cpSync(join(demo, "index.html"), join(out, "index.html"));
  cpSync(join(demo, "style"), join(out, "style"), { recursive: true });
  for (const file of filesOf(join(web, "pkg"))) {
    if (file.endsWith(".js") || file === "larder.wasm") cpSync(join(web, "pkg", file), join(out, "pkg", file));
  }
  cpSync(join(target, "simulation.wasm"), join(out, "simulation.wasm"));
  const uplot = join(web, "node_modules", "uplot");
  cpSync(join(uplot, "dist", "uPlot.esm.js"), join(out, "vendor", "uplot.js"));
  cpSync(join(uplot, "dist", "uPlot.min.css"), join(out, "vendor", "uplot.css"));
  cpSync(join(uplot, "LICENSE"), join(out, "vendor", "LICENSE-uplot"));
  offline();
  return filesOf(out).reduce((sum, file) => sum + statSync(join(out, file)).size, 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = build();
  console.log(`${relative(process.cwd(), out) || "."}: ${filesOf(out).length} files, ${bytes} bytes`);
  if (!process.argv.includes("--build-only")) {
    const { address } = await serve(out, Number(process.env.PORT ?? 8080));
    console.log(`${address}/ (Ctrl+C ends it)`);
  }
}
