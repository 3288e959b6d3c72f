// Which files are not text as this page reads it. What `larder simulate` would read in another way is refused by name, so that no figure here differs from
// its figures in silence.

import { Refused } from "./lines.js";

/** Bytes that are looked at. */
export const HEAD = 64 * 1024;
const LINES = 1000;

const ELSEWHERE = "larder simulate reads it, this page does not.";
const NUMBER = /^\d+$/;

/** What is read here. */
export type Kind = "text" | "recorded";

/** What a file with this name is that begins so; throws if it is neither. */
export function kindOf(name: string, head: Uint8Array): Kind {
  const bare = name.toLowerCase().replace(/\.gz$/, "");
  const [first, second, third, fourth] = head;
  if (first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd) {
    throw new Refused("The file is compressed with zstd; unpack it first (zstd -d). gzip is unpacked here.");
  }
  if (bare.includes("oraclegeneral")) throw new Refused(`The file is named as a trace in libCacheSim’s format; ${ELSEWHERE}`);
  if (/\.(arc|lis)$/.test(bare)) throw new Refused(`The file is named as a trace in the ARC paper’s format; ${ELSEWHERE}`);
  if (/\.(lirs|trc)$/.test(bare)) throw new Refused(`The file is named as a trace in the LIRS paper’s format; ${ELSEWHERE}`);
  if (head.includes(0)) throw new Refused("The file is binary; this page reads text.");

  const text = new TextDecoder().decode(head);
  if (/^#larder-trace 1(?:[\n\r ]|$)/.test(text)) return "recorded";
  if (text.startsWith("#larder-trace ")) throw new Refused("The file was recorded by a newer version of Larder.");
  // The last line may be cut off.
  const whole = text.includes("\n") ? text.slice(0, text.lastIndexOf("\n")) : text;
  const lines = whole.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, LINES);
  if (lines.length === 0) return "text";
  const areBlocks = (line: string): boolean => {
    const words = line.split(/\s+/);
    return words.length === 4 && words.every((word) => NUMBER.test(word));
  };
  if (lines.every(areBlocks)) throw new Refused(`Its lines are four numbers each: the ARC paper’s format; ${ELSEWHERE}`);
  if (lines.includes("*") && lines.every((line) => line === "*" || NUMBER.test(line))) {
    throw new Refused(`It has numbers and lines of *: the LIRS paper’s format; ${ELSEWHERE}`);
  }
  return "text";
}
