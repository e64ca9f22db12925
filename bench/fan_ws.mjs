/*  bench/fan_ws.mjs - what a platform's own server does: Node and ws, a map of subscriptions, one send for each event and viewer

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Events come as lines of JSON on stdin. Says "listening on http://127.0.0.1:PORT" on stderr. No order, no limit, no replay, no gaps:
    the distance to bench/gateway_fan.py's other rows is what a gateway costs or saves.
*/
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { WebSocketServer } = createRequire(new URL("../gateway/dashboard/package.json", import.meta.url))("ws");

const viewers = new Map();
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const { workOrderId } = JSON.parse(String(data));
    if (!viewers.has(workOrderId)) {
      viewers.set(workOrderId, new Set());
    }
    viewers.get(workOrderId).add(socket);
    socket.on("close", () => viewers.get(workOrderId).delete(socket));
  });
});
createInterface({ input: process.stdin }).on("line", (line) => {
  const event = JSON.parse(line);
  const text = JSON.stringify(event);
  for (const socket of viewers.get(event.workOrderId) ?? []) {
    socket.send(text);
  }
});
http.listen(0, "127.0.0.1", () => process.stderr.write(`listening on http://127.0.0.1:${http.address().port}\n`));
