/*  gateway/dashboard/dev/serve.mjs - the page with made-up runs, for work on it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    npm run build && npm run dev [-- RATE [PORT]]    events/s (3), port (3100)
*/
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MadeUpAgent } from "./agent.mjs";
import { FakeGateway } from "./gateway.mjs";

const rate = Number(process.argv[2] ?? 3);
const gateway = new FakeGateway({ dist: join(dirname(fileURLToPath(import.meta.url)), "../dist") });
console.error(`listening on ${await gateway.listen(Number(process.argv[3] ?? 3100))}`);

gateway.stream("run-1", "Fix the ring");
for (const _ of new MadeUpAgent((event) => gateway.put("run-1", event)).story()) {
  /* a run that has ended */
}
gateway.stream("run-2", "Find the leak");
const failed = new MadeUpAgent((event) => gateway.put("run-2", event), 2);
failed.start({ agent: "codex", model: "gpt-5" });
failed.bash(true);
failed.fail();

gateway.stream("run-3", "Port the parser");
const live = new MadeUpAgent((event) => gateway.put("run-3", event), 3);
live.start();
live.todos(1);
setInterval(
  () => {
    for (let i = 0; i < Math.max(1, rate / 60); i++) {
      live.any();
    }
  },
  Math.max(16, 1000 / rate),
);
