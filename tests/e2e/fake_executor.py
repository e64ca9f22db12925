"""An executor made of pyzmq and msgpack alone, by proto/README.md: what it sends and forgets is up to the test."""
import random
import time

import msgpack
import zmq

TIMEOUT_MS = 20000


def quote(text):
    out = b""
    for byte in text.encode():
        out += b"%%%02X" % byte if byte < 0x20 or byte in b"/%@\x7f" else bytes([byte])
    return out


class FakeExecutor:
    """One stream. Events are written to a journal (a list) first; publishing and answering are separate steps."""

    def __init__(self, gateway, run, work_order=None, epoch=None, control=True):
        self.run, self.work_order = run, work_order or run
        self.epoch = epoch or (int(time.time() * 1000) << 16 | random.getrandbits(16))
        self.journal = []               # encoded events; seq is index + 1
        self.types = []
        self.first = 1                  # oldest that it still has
        self.acked = 0
        self.welcome = None
        self.cancelled = False
        self.who = False                # the gateway does not know us
        self.asked = []                 # RESEND windows, as they came
        self.context = zmq.Context()
        self.bus = self.context.socket(zmq.XPUB)
        self.bus.setsockopt(zmq.LINGER, 1000)
        self.bus.connect(gateway.bus)
        self._wait(self.bus)
        assert self.bus.recv()[:1] == b"\x01", "the gateway subscribes"
        self.control = None
        if control:
            self.control = self.context.socket(zmq.DEALER)
            self.control.setsockopt(zmq.LINGER, 1000)
            self.control.connect(gateway.control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=500)

    @staticmethod
    def _wait(socket, timeout_ms=TIMEOUT_MS):
        assert socket.poll(timeout_ms), "nothing came"

    def write(self, type, **fields):
        """Into the journal only; returns its seq."""
        seq = len(self.journal) + 1
        event = {"type": type, "workOrderId": self.work_order, "runId": self.run, "seq": seq,
                 "ts": int(time.time() * 1_000_000), **fields}
        self.journal.append(msgpack.packb(event))
        self.types.append(type)
        return seq

    def frames(self, seq):
        topic = b"agentgate/1/%s/%s/%s" % (quote(self.work_order), quote(self.run), self.types[seq - 1].encode())
        header = b"AGE1" + bytes(4) + self.epoch.to_bytes(8, "big") + seq.to_bytes(8, "big")
        return [topic, header, self.journal[seq - 1]]

    def publish(self, *seqs):
        for seq in seqs:
            self.bus.send_multipart(self.frames(seq))

    def emit(self, type, **fields):
        seq = self.write(type, **fields)
        self.publish(seq)
        return seq

    def started(self, **fields):
        return self.emit("run_started", runNumber=1, agent="fake", **fields)

    def text(self, content, **fields):
        return self.emit("agent_output", content=content, kind="text", **fields)

    def completed(self):
        return self.emit("run_completed", durationMs=1, exitCode=0)

    # Control channel

    def say(self, name, **fields):
        message = {"stream": self.run, "epoch": self.epoch, "first": self.first if self.journal else 0,
                   "last": len(self.journal), **fields}
        self.control.send_multipart([name.encode(), msgpack.packb(message)])

    def hello(self, **fields):
        self.say("HELLO", version=1, workOrderId=self.work_order, runId=self.run, **fields)
        self.serve_until(lambda: self.welcome is not None)
        return self.welcome

    def serve_one(self, timeout_ms):
        """Answers one message of the gateway; False when none came in time."""
        if not self.control.poll(timeout_ms):
            return False
        name, data = self.control.recv_multipart()
        message = msgpack.unpackb(data)
        if name == b"WELCOME":
            self.welcome = message
            self.acked = max(self.acked, message.get("durable", 0))
        elif name == b"ACK":
            self.acked = max(self.acked, message.get("durable", message.get("seq", 0)))
        elif name == b"CANCEL":
            self.cancelled = True
        elif name == b"WHO":
            self.who = True
        elif name == b"RESEND":
            self.asked.append((message["from"], message["to"]))
            self.resend(message["from"], message["to"])
        return True

    def resend(self, first, last):
        sent = first - 1
        for seq in range(max(first, self.first), min(last, len(self.journal)) + 1):
            self.control.send_multipart([b"EVENT", *self.frames(seq)])
            sent = seq
        self.say("RESENT", **{"from": first, "to": sent})

    def serve_until(self, condition, timeout=20):
        end = time.monotonic() + timeout
        beat = 0.0
        while not condition():
            assert time.monotonic() < end, f"it never came: acked={self.acked} asked={self.asked}"
            if time.monotonic() > beat and self.welcome:
                self.say("HEARTBEAT")
                beat = time.monotonic() + 1
            self.serve_one(50)
