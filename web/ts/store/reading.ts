// Reading all records: block by block, in the order of writing, each record once.

import { breathe } from "../breathe.js";
import type { Backend } from "./backend.js";
import type { Catalog, Reader } from "./catalog.js";
import { Kind, extent, unpack, type Found, type Line } from "./lines.js";

/** Which records are read. */
export interface Wanted {
  /** Whether a record is to be read, if it is the newest of its key. */
  readonly isMeant: (line: Found, block: number) => boolean;
  /** Whether one that was read is still to be had: asked when it is its turn. */
  readonly isThere: (line: Found, block: number) => boolean;
}

/** The records that are the newest of their keys, those of a block together. What is not there any more when it is its turn is noted as moved. */
export async function* live(backend: Backend, { table }: Catalog, reader: Reader, wanted: Wanted): AsyncIterable<Iterable<Line>> {
  for await (const { id, lines } of backend.blocks(-1)) {
    if (id > reader.end) return;
    reader.at = id;
    reader.met.add(id);
    const found = unpack(lines).filter((line) => line.kind === Kind.Put && table.isAt(line.hash, id, line.at) && wanted.isMeant(line, id));
    if (found.length === 0) continue;
    // All of a block at once, for most of it is wanted.
    const bytes = (await backend.read(id, 0, extent(found))) ?? new Uint8Array();
    yield ofBlock(id, found, bytes, reader, wanted);
    await breathe();
  }
}

function* ofBlock(id: number, lines: readonly Found[], bytes: Uint8Array, { moved }: Reader, { isThere }: Wanted): Iterable<Line> {
  for (const line of lines) {
    const { kind, hash, namespace, gone, version, at, length } = line;
    if (!isThere(line, id) || at + length > bytes.length) moved.push(hash);
    else yield { kind, hash, namespace, gone, version, bytes: bytes.subarray(at, at + length) };
  }
}
