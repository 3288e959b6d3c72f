// A server of this folder and of the vectors, for tests in a browser.

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const vectors = join(root, "tests", "vectors");

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The names of all vectors. */
export function names() {
  return readdirSync(vectors).filter((name) => name.endsWith(".json"));
}

/** Serves on a port of the system's choice; answers with the address and a function that ends it. */
export async function serve() {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://host").pathname));
    if (path === "/empty.html") {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>larder</title>");
      return;
    }
    try {
      const bytes = readFileSync(join(root, path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  const close = () => new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${port}`, close };
}
