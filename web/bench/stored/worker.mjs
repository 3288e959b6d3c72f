// A step in a dedicated worker.

import { play } from "./steps.mjs";

onmessage = async ({ data }) => {
  try {
    postMessage({ answer: await play(...data) });
  } catch (error) {
    postMessage({ error: `${error?.stack ?? error}` });
  }
};
