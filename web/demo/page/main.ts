// The page: one panel at a time, chosen by the address, so that links, the back button and bookmarks work.

import { startCache } from "./cache/panel.js";
import { startCompare } from "./compare/panel.js";
import { find, made, reason, write } from "./dom.js";
import { guardPage } from "./drop.js";
import { startPools } from "./pools/panel.js";
import { startSnapshot } from "./snapshot.js";

const panels = [...document.querySelectorAll<HTMLElement>("main > section")];
const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a")];

/** Shows the panel that the address names, or the first one. */
function turn(): HTMLElement | undefined {
  const shown = panels.find(({ id }) => `#${id}` === location.hash) ?? panels[0];
  for (const panel of panels) panel.hidden = panel !== shown;
  for (const link of links) {
    if (link.hash === `#${shown?.id}`) link.ariaCurrent = "page";
    else link.removeAttribute("aria-current");
  }
  document.title = `${shown?.querySelector("h2")?.textContent ?? ""} – Larder`;
  return shown;
}

addEventListener("hashchange", () => {
  // Other addresses within the page are places in it.
  if (location.hash !== "" && !panels.some(({ id }) => `#${id}` === location.hash)) return;
  // As after a link to another page: reading goes on with what it says.
  turn()?.querySelector("h2")?.focus();
  scrollTo(0, 0);
});

/** Lets the browser draw and hear keys between two pieces of work. */
const breath = (): Promise<void> => new Promise((done) => setTimeout(done));

async function start(): Promise<void> {
  turn();
  guardPage();
  startCompare();
  await breath();
  startSnapshot(await startCache());
  await breath();
  await startPools();
  document.documentElement.dataset["ready"] = "";
}

start().catch((error: unknown) => {
  const note = made("p", `The page could not start: ${reason(error)}`, "failed");
  note.role = "alert";
  document.querySelector("main")?.prepend(note);
});

// Offline after the first load. Only where the browser has it: on https, and on this machine.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker
    .register(new URL("../offline.js", import.meta.url))
    .then(() => navigator.serviceWorker.ready)
    .then(() => write(find("offline-says", HTMLElement), "It works offline from now on."))
    .catch(() => write(find("offline-says", HTMLElement), "It could not be kept for offline use."));
}
