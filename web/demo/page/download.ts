// A file for whoever asked for it.

import { made } from "./dom.js";

/** Milliseconds after which the browser has read it. */
const LONG_ENOUGH = 60_000;

export function download(file: Blob, name: string): void {
  const link = made("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LONG_ENOUGH);
}
