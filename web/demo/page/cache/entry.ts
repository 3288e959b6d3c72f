// One entry: look at it, delete it, make all of its tag invalid.

import { button, find, form, input, made, select, shown, write } from "../dom.js";
import { bytes, clock, count } from "../format.js";
import { say } from "../say.js";
import type { Playing } from "./playing.js";
import { nameOf, tagOf, TAGS } from "./workload.js";

/** Wires the entry's form to whatever cache is there at the time; `changed` is told when the cache is not what it was. */
export function wireEntry(playing: () => Playing, changed: () => void): void {
  const key = input("entry-key");
  const tag = select("entry-tag");
  for (let number = 0; number < TAGS; number++) tag.add(new Option(tagOf(number)));

  const tell = (sentence: string): void => {
    write(find("entry-said", HTMLElement), sentence);
    say(sentence);
  };

  const show = (): void => {
    const info = playing().cache.sync.inspect(key.value);
    const facts = find("entry-facts", HTMLElement);
    if (info === undefined) {
      facts.replaceChildren();
      return tell(`${shown(key.value) || "An empty key"} is not there.`);
    }
    const list: [string, string][] = [
      ["Tags", info.tags.join(", ") || "none"],
      ["Content type", info.contentType || "none (text)"],
      ["Value", bytes(info.size)],
      ["Reads", count(info.hits)],
      ["Written", clock(info.created)],
      ["Last accessed", clock(info.accessed)],
      ["Expires", info.expires === undefined ? "never" : clock(info.expires)],
      ["Version", count(info.version)],
    ];
    facts.replaceChildren(...list.flatMap(([name, value]) => [made("dt", name), made("dd", shown(value))]));
    if (info.tags[0] !== undefined) tag.value = info.tags[0];
    tell(`${shown(key.value)} is there.`);
  };

  form("entry-form").addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  button("entry-any").addEventListener("click", () => {
    const any = playing().residents.any();
    if (any === undefined) return tell("The cache is empty; start the requests first.");
    key.value = nameOf(any.id);
    show();
  });
  button("entry-delete").addEventListener("click", () => {
    const { cache, residents } = playing();
    const wasThere = cache.sync.delete(key.value);
    residents.removedWhere((id) => nameOf(id) === key.value);
    find("entry-facts", HTMLElement).replaceChildren();
    changed();
    tell(wasThere ? `${shown(key.value)} is deleted.` : `${shown(key.value) || "An empty key"} was not there.`);
  });
  button("entry-invalidate").addEventListener("click", () => {
    const { cache, residents } = playing();
    cache.sync.invalidate({ tag: tag.value });
    residents.removedWhere((id) => tagOf(id) === tag.value);
    changed();
    tell(`Entries with the tag ${tag.value} are invalid from now on.`);
  });
}
