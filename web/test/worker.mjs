// Plays scenarios in a dedicated worker, where files can be kept open.

import * as scenarios from "./scenarios.mjs";

onmessage = async ({ data: [scenario, options] }) => {
  try {
    postMessage({ answer: await scenarios[scenario](options) });
  } catch (error) {
    postMessage({ error: `${error?.stack ?? error}` });
  }
};
