// The snapshot panel: the cache of the first panel as a file, and back.

import type { CachePanel } from "./cache/panel.js";
import { button, find, input, reason, shown, write } from "./dom.js";
import { download } from "./download.js";
import { acceptFiles } from "./drop.js";
import { bytes, count } from "./format.js";
import { say } from "./say.js";

/** Larger files are not read: they would not fit into the cache by far. */
const LARGEST = 256 * 1024 ** 2;

export function startSnapshot({ cache, refresh }: CachePanel): void {
  const said = find("snapshot-said", HTMLElement);
  const tell = (sentence: string): void => {
    write(said, sentence);
    say(sentence);
  };
  button("export").addEventListener("click", async () => {
    try {
      const blob = await cache().export();
      download(blob, "cache.larder");
      tell(`${count(cache().sync.size)} entries are in cache.larder, ${bytes(blob.size)}.`);
    } catch (error) {
      tell(`The cache could not be exported: ${reason(error)}`);
    }
  });
  acceptFiles(find("snapshot-drop", HTMLElement), input("import"), async (file) => {
    if (file.size > LARGEST) return tell(`${shown(file.name)} has ${bytes(file.size)}; snapshots up to ${bytes(LARGEST)} are read.`);
    try {
      const { entries, expired, damaged } = await cache().import(file);
      refresh();
      tell(`From ${shown(file.name)}: ${count(entries)} entries imported, ${count(expired)} expired, ${count(damaged)} damaged.`);
    } catch (error) {
      tell(`${shown(file.name)} could not be imported: ${reason(error)}`);
    }
  });
}
