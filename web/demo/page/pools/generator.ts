// What stands for a model here: it takes its time, fails now and then, and knows only so many answers to a question, so that some come twice.

import { Scored, type GeneratorRequest } from "../../pkg/index.js";

const VERBS = ["parse", "sort", "merge", "count", "split", "reverse", "hash", "group", "filter", "join"];
const THINGS = ["a list", "a file", "lines", "words", "a tree", "records", "a map", "ranges", "tokens", "a queue"];

/** How it behaves now. */
export interface Manners {
  /** Percent of the calls that fail. */
  readonly failures: number;
  /** Milliseconds that a call takes, give or take half. */
  readonly latency: number;
  /** Answers that it knows for a combination. */
  readonly answers: number;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), failed(signal.reason as Error)), { once: true });
  });
}

/** A generator whose manners are asked for at each call. */
export function generator(manners: () => Manners) {
  return async ({ values, signal }: GeneratorRequest): Promise<Scored> => {
    const { failures, latency, answers } = manners();
    await pause(latency * (0.5 + Math.random()), signal);
    if (100 * Math.random() < failures) throw new Error("the generator is overloaded");
    const number = Math.floor(Math.random() * answers);
    const what = `${VERBS[number % VERBS.length]} ${THINGS[(number * 7 + Math.floor(number / 10)) % THINGS.length]}`;
    return new Scored(`${what} ${number + 1} (${Object.values(values).join(", ")})`, 1 + (number % 5));
  };
}
