// An HTTP server whose answers a test scripts, and which remembers what it was asked.

import { createServer } from "node:http";

/** Serves what `answer` makes of the number of a request and the request: a body, or `{ status, headers, body }`, or nothing where it
 * writes to the response itself. */
export async function origin(answer) {
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    const body = Buffer.concat(chunks).toString();
    seen.push({ method, url, headers, body });
    // The time is that of the test.
    response.sendDate = false;
    const made = await answer({ at: seen.length, method, url, headers, body }, response);
    if (made === undefined) return;
    const { status = 200, headers: fields = {}, body: text = "" } = typeof made === "string" ? { body: made } : made;
    response.writeHead(status, fields).end(text);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const close = () => new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${server.address().port}`, seen, close };
}

/** A clock that a test sets. */
export function clock() {
  const clock = () => clock.time;
  clock.time = 1_750_000_000_000;
  clock.date = (after = 0) => new Date(clock.time + 1000 * after).toUTCString();
  return clock;
}
