/*  gateway/dashboard/dev/gateway.mjs - a small gateway in memory: for work on the page, and for its tests

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Speaks proto/README.md as far as the page uses it. It keeps every event,
    has no rate limit, and lets a test do what a real gateway seldom does: cut
    sockets, lose ranges, shed, fall silent, refuse a token.
*/
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};
const OVERVIEW = /^(run_|work_order_|progress_update|agent_error)/;
const BATCH = 500;
const HEARTBEAT_MS = 10_000;

/*  JSON may be nested deeper than it can be written: such an event brings its text along. */
export const RAW = Symbol("raw");
const textOf = (event) => event[RAW] ?? JSON.stringify(event);

export class FakeGateway {
  streams = new Map();
  clients = new Set();
  requests = []; /* paths asked for */
  subscribed = []; /* subscribe messages heard */
  token = ""; /* when set: asked for */
  mute = false; /* accepts sockets and says nothing */
  refuse = false; /* neither sockets nor pages of the API */
  slow = false; /* pages of history take for ever */
  mayCancel = true;
  prompts = new Map(); /* of work orders */
  batchMs = undefined; /* overrules what clients ask for */

  constructor({ dist }) {
    this.dist = dist;
    this.server = createServer((request, response) => this.#http(request, response));
    this.sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "agentgate.v1.json" });
    this.server.on("upgrade", (request, socket, head) => {
      if (this.refuse) {
        socket.destroy();
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.#connected(ws, request));
    });
  }

  async listen(port = 0) {
    await new Promise((done) => this.server.listen(port, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
    return this.url;
  }

  async close() {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /*  Drops every connection without a word. */
  cut() {
    for (const ws of this.sockets.clients) {
      ws.terminate();
    }
  }

  stream(runId, workOrderId = runId) {
    let stream = this.streams.get(runId);
    if (!stream) {
      const epoch = (BigInt(Date.now()) << 16n).toString(16).padStart(16, "0");
      stream = { runId, workOrderId, epoch, events: [], lost: new Set(), state: "alive", first: 1 };
      this.streams.set(runId, stream);
    }
    return stream;
  }

  /*  A new journal of the same run. */
  restart(runId) {
    const stream = this.stream(runId);
    stream.epoch = (BigInt(`0x${stream.epoch}`) + 65536n).toString(16).padStart(16, "0");
    stream.events = [];
    for (const client of this.clients) {
      client.at.delete(runId);
      client.announced.delete(runId);
    }
  }

  /*  Appends an event; type and own fields are given, the rest is filled in. */
  put(runId, fields) {
    const stream = this.stream(runId);
    const seq = stream.events.length + 1;
    const event = {
      workOrderId: stream.workOrderId,
      runId,
      seq,
      timestamp: new Date().toISOString(),
      ...fields,
    };
    stream.events.push(event);
    stream.state = /^run_(completed|failed)$/.test(event.type) ? "ended" : stream.state;
    for (const client of this.clients) {
      client.wake();
    }
    return event;
  }

  /*  The run has n more events (Endless). */
  grow(runId, n) {
    this.stream(runId).events.length += n;
    for (const client of this.clients) {
      client.wake();
    }
  }

  /*  Says it to all who watch the run (gap, backpressure, ...). */
  say(message) {
    for (const client of this.clients) {
      client.ws.send(JSON.stringify(message));
    }
  }

  heartbeat() {
    for (const client of this.clients) {
      const watched = [...this.streams.values()].filter((stream) => client.watches(stream));
      client.ws.send(
        JSON.stringify({
          type: "heartbeat",
          heads: Object.fromEntries(watched.map((stream) => [stream.runId, stream.events.length])),
          producers: Object.fromEntries(watched.map((stream) => [stream.runId, stream.state])),
          timestamp: new Date().toISOString(),
        }),
      );
    }
  }

  #connected(ws, request) {
    if (this.token && !request.headers["sec-websocket-protocol"]?.includes(`agentgate.token.${this.token}`)) {
      ws.close(4501, "unauthorized");
      return;
    }
    if (this.mute) {
      return;
    }
    const client = new Client(this, ws);
    this.clients.add(client);
    ws.on("message", (data) => client.message(String(data)));
    ws.on("close", () => {
      this.clients.delete(client);
      clearTimeout(client.timer);
      clearInterval(client.beat);
    });
  }

  #http(request, response) {
    const url = new URL(request.url, "http://localhost");
    this.requests.push(url.pathname + url.search);
    response.setHeader("content-security-policy", CSP);
    if (url.pathname.startsWith("/api/") || url.pathname === "/readyz") {
      this.#api(request, response, url);
    } else {
      this.#file(response, url.pathname === "/" ? "/index.html" : url.pathname);
    }
  }

  #file(response, path) {
    try {
      const body = readFileSync(join(this.dist, normalize(path)));
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
      response.end(body);
    } catch {
      this.#problem(response, 404, "no such file");
    }
  }

  #problem(response, status, detail) {
    response.writeHead(status, { "content-type": "application/problem+json" });
    response.end(JSON.stringify({ type: "about:blank", title: "no", status, detail }));
  }

  #api(request, response, url) {
    if (this.refuse) {
      request.destroy();
      return;
    }
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`) {
      this.#problem(response, 401, "a token is needed");
      return;
    }
    const text = (body) => {
      response.setHeader("content-type", "application/json");
      response.end(body);
    };
    const json = (value) => text(JSON.stringify(value));
    if (url.pathname === "/api/v1/runs") {
      json({ runs: [...this.streams.values()].reverse().map((stream) => record(stream)) });
      return;
    }
    const [, id, what, seq] = /^\/api\/v1\/runs\/([^/]+)(?:\/(\w+)(?:\/(\d+))?)?$/.exec(url.pathname) ?? [];
    const name = decodeURIComponent(id ?? "");
    const prompt = this.prompts.get(name.slice(1));
    if (name.startsWith("@") && prompt) {
      const timestamp = new Date().toISOString();
      const workOrderId = name.slice(1);
      const created = { type: "work_order_created", workOrderId, stream: name, seq: 1, timestamp, taskPrompt: prompt };
      json({ events: [created], next: null });
      return;
    }
    const stream = this.streams.get(name);
    if (!stream) {
      this.#problem(response, 404, "no such run");
      return;
    }
    const held = (event) => event.seq >= stream.first && !stream.lost.has(event.seq);
    if (what === "events" && seq) {
      const [event] = stream.events.slice(Number(seq) - 1, Number(seq));
      event && held(event) ? text(textOf(event)) : this.#problem(response, 404, "no such event");
    } else if (what === "events" && this.slow) {
      /* no answer */
    } else if (what === "events") {
      const after = Number(url.searchParams.get("after") ?? 0);
      const limit = Math.min(1000, Number(url.searchParams.get("limit") ?? 100));
      if (!(after >= 0 && limit >= 1)) {
        this.#problem(response, 400, "after, limit: must be numbers");
        return;
      }
      const page = stream.events
        .slice(after, after + limit + stream.lost.size)
        .filter(held)
        .slice(0, limit);
      const last = page[page.length - 1]?.seq ?? stream.events.length;
      const more = page.length === limit && last < stream.events.length;
      text(`{"events":[${page.map(textOf).join(",")}],"next":${more ? last : null}}`);
    } else if (what === "search") {
      const query = (url.searchParams.get("q") ?? "").toLowerCase();
      const seqs = stream.events.filter((event) => held(event) && textOf(event).toLowerCase().includes(query));
      json({ seqs: seqs.map((event) => event.seq), next: null });
    } else if (what === "export") {
      response.setHeader("content-type", "application/x-ndjson");
      response.end(stream.events.map((event) => `${textOf(event)}\n`).join(""));
    } else if (what === "cancel" && !this.mayCancel) {
      this.#problem(response, 403, "runs may not be cancelled with this token");
    } else if (what === "cancel") {
      response.statusCode = 202;
      json({});
      this.put(stream.runId, { type: "run_failed", error: "cancelled", reason: "cancelled", durationMs: 1 });
    } else {
      json(record(stream));
    }
  }
}

function record(stream) {
  const [head] = stream.events.slice(0, 1);
  const tail = stream.events.slice(Math.max(0, stream.events.length - 2000), stream.events.length);
  const latest = (pattern) => tail.filter((event) => pattern.test(event.type)).pop();
  return {
    runId: stream.runId,
    workOrderId: stream.workOrderId,
    stream: stream.runId,
    epoch: stream.epoch,
    first: stream.first,
    last: stream.events.length,
    state: stream.state,
    startedAt: head?.timestamp,
    updatedAt: tail[tail.length - 1]?.timestamp,
    started: head?.type === "run_started" ? head : undefined,
    progress: latest(/^progress_update$/),
    ended: latest(/^run_(completed|failed)$/),
  };
}

/*  A run as long as one likes that takes no memory: events are made when asked
    for, by their number. */
export class Endless {
  length = 0;
  constructor(make) {
    this.make = make;
  }
  slice(from, to = this.length) {
    const end = Math.min(to, this.length);
    return Array.from({ length: Math.max(0, end - from) }, (_, at) => this.make(from + at + 1));
  }
}

/*  One connection: a cursor over the streams it watches. */
class Client {
  constructor(gateway, ws) {
    this.gateway = gateway;
    this.ws = ws;
    this.at = new Map(); /* stream -> last seq sent */
    this.announced = new Set();
    this.request = undefined;
    this.timer = undefined;
    this.beat = setInterval(() => gateway.heartbeat(), HEARTBEAT_MS);
  }

  watches(stream) {
    return this.request?.runId === "*" || this.request?.runId === stream.runId;
  }

  message(text) {
    const message = JSON.parse(text);
    if (message.type === "ping") {
      this.ws.send(JSON.stringify({ type: "pong", timestamp: new Date().toISOString() }));
    } else if (message.type === "subscribe") {
      this.gateway.subscribed.push(message);
      this.#subscribe(message);
    }
  }

  #subscribe(message) {
    this.request = message;
    const streams = {};
    const cursor = typeof message.after === "string" ? JSON.parse(message.after) : undefined;
    for (const stream of this.gateway.streams.values()) {
      if (this.watches(stream)) {
        const last = stream.events.length;
        streams[stream.runId] = { epoch: stream.epoch, first: stream.first, last, state: stream.state };
        const same = cursor?.[stream.runId]?.[0] === stream.epoch;
        const resumed = cursor ? (same ? cursor[stream.runId][1] : 0) : Math.max(0, last - (message.replayCount ?? 0));
        this.at.set(stream.runId, message.runId === "*" ? last : resumed);
        this.announced.add(stream.runId);
      }
    }
    this.ws.send(
      JSON.stringify({
        type: "subscription_confirmed",
        runId: message.runId,
        timestamp: new Date().toISOString(),
        cursor: this.cursor(),
        streams,
      }),
    );
    this.flush();
    this.ws.send(JSON.stringify({ type: "replay_complete", cursor: this.cursor() }));
  }

  cursor() {
    const at = [...this.at].map(([id, seq]) => [id, [this.gateway.streams.get(id).epoch, seq]]);
    return JSON.stringify(Object.fromEntries(at));
  }

  wake() {
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        this.flush();
      },
      this.gateway.batchMs ?? this.request?.batchMs ?? 100,
    );
  }

  flush() {
    if (!this.request || this.ws.readyState !== 1) {
      return;
    }
    for (const stream of this.gateway.streams.values()) {
      if (this.watches(stream)) {
        this.#flush(stream);
      }
    }
  }

  #flush(stream) {
    if (!this.announced.has(stream.runId)) {
      this.announced.add(stream.runId);
      this.ws.send(
        JSON.stringify({
          type: "stream_started",
          stream: stream.runId,
          workOrderId: stream.workOrderId,
          runId: stream.runId,
          epoch: stream.epoch,
          first: 1,
        }),
      );
    }
    for (let from = this.at.get(stream.runId) ?? 0; from < stream.events.length; from = this.at.get(stream.runId)) {
      const to = Math.min(stream.events.length, from + BATCH);
      const events = stream.events.slice(from, to).filter((event) => this.#wants(event) && !stream.lost.has(event.seq));
      this.at.set(stream.runId, to);
      if (events.length > 0) {
        const texts = events.map(textOf).join(",");
        this.ws.send(`{"type":"batch","events":[${texts}],"cursor":${JSON.stringify(this.cursor())}}`);
      }
    }
  }

  #wants(event) {
    return this.request.runId === "*" ? OVERVIEW.test(event.type) : this.request.includePartial || !event.partial;
  }
}
