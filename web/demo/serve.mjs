// A static server of one folder, for looking at the demo page and for its tests.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Serves a folder below `base` on this machine only; port 0 is one of the system's choice. */
export async function serve(folder, port = 0, base = "/") {
  const server = createServer(async (request, response) => {
    try {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://host").pathname);
      if (!path.startsWith(base)) throw new Error("not below the base");
      const file = normalize(`/${path.slice(base.length)}`);
      const name = file.endsWith("/") ? `${file}index.html` : file;
      const bytes = await readFile(join(folder, name));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "cache-control": "no-cache" }).end(bytes);
    } catch {
      response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
    }
  });
  await new Promise((ready, failed) => server.once("error", failed).listen(port, "127.0.0.1", ready));
  const close = () => new Promise((closed) => (server.close(closed), server.closeAllConnections()));
  return { address: `http://127.0.0.1:${server.address().port}`, close };
}
