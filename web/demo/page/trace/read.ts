// Reads a file of requests as a stream, however long it is, and refuses what is no trace before it has been read.

import { HEAD, kindOf } from "./guess.js";
import { Lines, Refused } from "./lines.js";
import { Recorded } from "./recorded.js";
import { Requests } from "./requests.js";
import { readLine } from "./text.js";

/** Larger files are refused. */
export const LARGEST = 512 * 1024 ** 2;

/** Turns a key into the number that stands for it. */
export type Hash = (key: Uint8Array) => readonly [low: number, high: number];

async function isGzip(file: Blob): Promise<boolean> {
  const magic = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return magic[0] === 0x1f && magic[1] === 0x8b;
}

/** Reads a trace; `progress` is told the part of the file that was read, 0 to 1. */
export async function readTrace(file: File, hash: Hash, progress: (part: number) => void): Promise<Requests> {
  if (file.size > LARGEST) throw new Refused(`The file is larger than ${LARGEST / 1024 ** 2} MiB, the most that this page takes.`);
  const requests = new Requests();
  const take = (key: Uint8Array, size: number): void => {
    const [low, high] = hash(key);
    requests.add(low, high, size);
  };
  const recorded = new Recorded(take);
  let isRecorded = false;
  const lines = new Lines((line, number) => (isRecorded ? recorded.line(line, number) : readLine(line, number, take)));

  let read = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      read += chunk.length;
      progress(read / Math.max(1, file.size));
      controller.enqueue(chunk);
    },
  });
  const raw = file.stream().pipeThrough(counted);
  const packed = await isGzip(file);
  const bytes = packed ? raw.pipeThrough(new DecompressionStream("gzip")) : raw;

  // What is held back until there is enough of it to tell what it is.
  let head: Uint8Array<ArrayBufferLike> | undefined = new Uint8Array();
  const reader = bytes.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      const what = packed ? "it is compressed with gzip, and damaged, cut off, or made of several parts" : String(error);
      throw new Refused(`The file could not be read: ${what}.`);
    });
    if (value !== undefined && head === undefined) lines.push(value);
    if (value !== undefined && head !== undefined) {
      const longer: Uint8Array<ArrayBuffer> = new Uint8Array(head.length + value.length);
      longer.set(head);
      longer.set(value, head.length);
      head = longer;
    }
    if (head !== undefined && (done || head.length >= HEAD)) {
      isRecorded = kindOf(file.name, head.subarray(0, HEAD)) === "recorded";
      lines.push(head);
      head = undefined;
    }
    if (done) break;
  }
  lines.end();
  recorded.end();
  if (requests.count === 0) throw new Refused("The file has no requests.");
  return requests;
}
