// Random numbers from a seed, so that what the page generates can be generated again: a counter, mixed by the finaliser of MurmurHash3.

/** Numbers from 0 up to 1. */
export type Random = () => number;

/** A whole number of 32 bits from another, evenly spread. */
export function scattered(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export function seeded(seed: number): Random {
  let counter = seed >>> 0;
  return () => {
    // 2^32 divided by the golden ratio: the counter meets every number before one comes again.
    counter = (counter + 0x9e3779b9) >>> 0;
    return scattered(counter) / 2 ** 32;
  };
}

/** Ranks from 0, drawn so that rank r comes up in proportion to 1 / (r + 1) ^ skew. */
export function zipf(keys: number, skew: number, random: Random): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) sums[rank] = sum += (rank + 1) ** -skew;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
