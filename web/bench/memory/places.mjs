// Where contestants race: threads of Node, or frames of a page. A place starts one; what it answers measures and ends it.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** In threads of this process. */
export async function thread(options) {
  const worker = new Worker(new URL("thread.mjs", import.meta.url), { workerData: options });
  const answer = async () => (await once(worker, "message"))[0];
  await answer();
  return {
    measure(operation) {
      worker.postMessage(operation);
      return answer();
    },
    end: () => worker.terminate(),
  };
}

/** In frames of this page. */
export function frames(page) {
  let count = 0;
  return async (options) => {
    const id = `frame${count++}`;
    await page.evaluate(async ([id, options]) => {
      const frame = document.createElement("iframe");
      [frame.id, frame.src] = [id, "/web/bench/page.html"];
      const loaded = new Promise((done) => (frame.onload = done));
      document.body.append(frame);
      await loaded;
      const script = frame.contentDocument.createElement("script");
      script.textContent = `globalThis.ready = import("/web/bench/memory/frame.mjs").then((it) => it.setUpFrame(${JSON.stringify(options)}));`;
      frame.contentDocument.head.append(script);
      await frame.contentWindow.ready;
    }, [id, options]);
    return {
      measure: (operation) => page.evaluate(([id, operation]) => document.getElementById(id).contentWindow.measure(operation), [id, operation]),
      end: () => page.evaluate((id) => document.getElementById(id).remove(), id),
    };
  };
}
