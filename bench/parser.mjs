// parser.mjs - the other side of bench/parser.sh: what a Node program does at least with an agent's stdout.
//
// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.
//
// node parser.mjs FILE: readline and JSON.parse for each line. Prints lines, objects, CPU seconds.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

let lines = 0;
let objects = 0;
for await (const line of createInterface({ input: createReadStream(process.argv[2]), crlfDelay: Infinity })) {
  lines++;
  try {
    if (JSON.parse(line)) objects++;
  } catch {
    // a line that is not JSON
  }
}
const usage = process.cpuUsage();
console.log(lines, objects, ((usage.user + usage.system) / 1e6).toFixed(3));
