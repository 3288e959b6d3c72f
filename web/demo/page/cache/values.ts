// Values as an API answers them: JSON that says the same names again and again, of 300 to 2,500 bytes, always the same for a key.

import type { Json } from "../../pkg/index.js";
import { scattered, seeded } from "../random.js";

const WORDS =
  "answer cache model token prompt window layer result index query filter memory segment value engine record stream branch method module".split(" ");

export function valueOf(id: number): Json {
  const random = seeded(scattered(id));
  const word = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? "";
  const text = (words: number): string => Array.from({ length: words }, word).join(" ");
  const items = 1 + Math.floor(random() ** 2 * 12);
  return {
    id,
    title: text(4),
    model: `model-${1 + (id % 3)}`,
    usage: { promptTokens: Math.floor(random() * 4000), completionTokens: Math.floor(random() * 900) },
    choices: Array.from({ length: items }, (_, index) => ({ index, finishReason: "stop", score: Math.round(random() * 1e6) / 1e6, message: text(14) })),
  };
}
