// One contestant in a thread of its own in Node, so that neither the garbage nor the types of one slow another.

import { parentPort, workerData } from "node:worker_threads";

import { CONTESTANTS } from "./contestants.mjs";
import { setUp } from "./operations.mjs";

const measure = await setUp(CONTESTANTS[workerData.name], workerData);
parentPort.on("message", async (operation) => parentPort.postMessage(await measure(operation)));
parentPort.postMessage("ready");
