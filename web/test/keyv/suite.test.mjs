// Keyv's own suite for storage adapters, all of it; started by ../keyv.test.mjs.

import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import Keyv from "keyv";
import * as vitest from "vitest";

import { Larder } from "../../pkg/index.js";
import { KeyvLarder } from "../../pkg/keyv.js";

const cache = await Larder.open();
const store = () => new KeyvLarder(cache);

keyvTestSuite(vitest, Keyv, store);
keyvIteratorTests(vitest, Keyv, store);
