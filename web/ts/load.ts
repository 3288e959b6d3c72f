// Finding and compiling the engine, once for all caches that name no other.

/** Where the engine comes from. */
export type Source = WebAssembly.Module | BufferSource | Response | URL | string;

let usual: Promise<WebAssembly.Module> | undefined;

/** The engine's module. */
export function load(source?: Source): Promise<WebAssembly.Module> {
  if (source !== undefined) return compile(source);
  // After a failure the next one tries again.
  usual ??= compile(address()).catch((error: unknown) => {
    usual = undefined;
    throw error;
  });
  return usual;
}

/** Where the usual engine is. In Node nobody downloads it, so it may be large to be quick. */
function address(): URL {
  // By another name than the one in the address, so that bundlers do not pack it.
  const fast = "./fast.wasm";
  return import.meta.url.startsWith("file:") ? new URL(fast, import.meta.url) : new URL("./larder.wasm", import.meta.url);
}

async function compile(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) {
    const url = new URL(source, import.meta.url);
    if (url.protocol === "file:") return WebAssembly.compile(await readFile(url));
    return compile(await fetch(url));
  }
  if (source instanceof Response) {
    if (!source.ok) throw new TypeError(`the engine could not be loaded: ${source.status} ${source.url}`);
    // Servers that do not know the type are common.
    const isWasm = source.headers.get("content-type")?.startsWith("application/wasm");
    return isWasm ? WebAssembly.compileStreaming(source) : WebAssembly.compile(await source.arrayBuffer());
  }
  return WebAssembly.compile(source);
}

/** In Node, whose fetch does not read files. Not seen by bundlers. */
async function readFile(url: URL): Promise<BufferSource> {
  const name = "node:fs/promises";
  const { readFile } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    readFile: (url: URL) => Promise<Uint8Array<ArrayBuffer>>;
  };
  return readFile(url);
}
