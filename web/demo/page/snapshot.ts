// The snapshot panel: the cache of the first panel as a file, and back.

import type { CachePanel } from "./cache/panel.js";
import { button, find, input, reason, shown, write } from "./dom.js";
import { download } from "./download.js";
import { acceptFiles } from "./drop.js";
import { bytes, count } from "./format.js";
import { say } from "./say.js";

/** Larger files are not read: they would not fit into the cache by far. */
const LARGEST = 256 * 1024 ** 2;

interface Imported {
  readonly entries: number;
  readonly expired: number;
  readonly damaged: number;
}

/** What a cache can do that has snapshots; builds without them are told apart when the page starts. */
interface Snapshots {
  export?: () => Promise<Blob>;
  import?: (source: Blob) => Promise<Imported>;
}

export function startSnapshot({ cache, refresh }: CachePanel): void {
  const snapshots = (): Snapshots => cache() as Snapshots;
  const said = find("snapshot-said", HTMLElement);
  const tell = (sentence: string): void => {
    write(said, sentence);
    say(sentence);
  };
  if (typeof snapshots().export !== "function" || typeof snapshots().import !== "function") {
    write(said, "This build of the package has no snapshots yet.");
    button("export").disabled = true;
    input("import").disabled = true;
    return;
  }

  button("export").addEventListener("click", async () => {
    try {
      const blob = await snapshots().export?.();
      if (blob === undefined) return;
      download(blob, "cache.larder");
      tell(`${count(cache().sync.size)} entries are in cache.larder, ${bytes(blob.size)}.`);
    } catch (error) {
      tell(`The cache could not be exported: ${reason(error)}`);
    }
  });
  acceptFiles(find("snapshot-drop", HTMLElement), input("import"), async (file) => {
    if (file.size > LARGEST) return tell(`${shown(file.name)} has ${bytes(file.size)}; snapshots up to ${bytes(LARGEST)} are read.`);
    try {
      const imported = await snapshots().import?.(file);
      if (imported === undefined) return;
      refresh();
      const { entries, expired, damaged } = imported;
      tell(`From ${shown(file.name)}: ${count(entries)} entries imported, ${count(expired)} expired, ${count(damaged)} damaged.`);
    } catch (error) {
      tell(`${shown(file.name)} could not be imported: ${reason(error)}`);
    }
  });
}
