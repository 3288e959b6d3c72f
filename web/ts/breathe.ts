// Long work in slices, so that a page stays responsive: whoever breathes often enough never holds the thread for long.

/** Milliseconds of work between two breaths. */
const SLICE = 10;

let begun = 0;

/** Lets others have the thread once it was held for some milliseconds; else there is nothing to wait for. */
export function breathe(): Promise<void> | undefined {
  const now = performance.now();
  if (begun === 0) begun = now;
  return now - begun < SLICE ? undefined : breath();
}

async function breath(): Promise<void> {
  await turn();
  begun = performance.now();
}

/** A task of its own; a timer would be held up to four milliseconds. */
export function turn(): Promise<void> {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}
