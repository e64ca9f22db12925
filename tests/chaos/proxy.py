#!/usr/bin/python3
"""A bad network between executors and one gateway, made of ZeroMQ messages.

    proxy.py SEED FRONT_BUS FRONT_CONTROL BACK_BUS BACK_CONTROL

Executors connect to FRONT, the gateway is bound at BACK. Each message of the data channel and of the control channel (both ways)
may be dropped, delayed, overtaken, or sent twice; now and then everything is cut: all connections are closed, and opened again a
little later. How bad it is changes about each second. All of it is drawn from SEED. Lines on stdin: "calm" (from now on everything
goes through at once) and "storm". Says "ready" on stdout, and after each line "ok".

The control channel of ZeroMQ loses nothing as long as its connection lives; here it does, and what is built on it must stand that.
"""
import heapq
import itertools
import random
import sys
import time

import zmq

#   chance to be      dropped, twice, delayed; delay at most, s
WEATHER = {
    "calm": (0.0, 0.0, 0.0, 0.0),
    "breeze": (0.01, 0.01, 0.02, 0.02),
    "rough": (0.05, 0.05, 0.10, 0.10),
    "gale": (0.25, 0.10, 0.30, 0.30),
    "silent": (1.0, 0.0, 0.0, 0.0),             # nothing gets through, and nobody is told
}
DAYS = ["calm"] * 3 + ["breeze"] * 4 + ["rough"] * 3 + ["gale"] * 2 + ["silent"]


class Line:
    """One channel in one direction."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.weather = WEATHER["calm"]

    def pass_on(self, send):
        drop, twice, late, most = self.weather
        chance = self.proxy.chance
        for _ in range(2 if chance.random() < twice else 1):
            if chance.random() < drop:
                self.proxy.dropped += 1
            elif chance.random() < late:
                self.proxy.later(chance.random() * most, send)
            else:
                send()


class Proxy:
    def __init__(self, seed, front_bus, front_control, back_bus, back_control):
        self.chance = random.Random(seed)
        self.addresses = front_bus, front_control, back_bus, back_control
        self.context = zmq.Context()
        self.due, self.order = [], itertools.count()
        self.bus, self.up, self.down = Line(self), Line(self), Line(self)
        self.dropped = 0
        self.storm = True
        self.open()
        self.change_at = time.monotonic()

    def socket(self, kind, **options):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 20000
        for name, value in options.items():
            setattr(socket, name, value)
        return socket

    def open(self):
        front_bus, front_control, back_bus, _ = self.addresses
        self.front_bus = self.socket(zmq.SUB)
        self.front_bus.subscribe(b"")
        self.front_bus.bind(front_bus)
        self.back_bus = self.socket(zmq.PUB, reconnect_ivl=20, reconnect_ivl_max=200)
        self.back_bus.connect(back_bus)
        self.front_control = self.socket(zmq.ROUTER)
        self.front_control.bind(front_control)
        self.backs = {}                         # routing id of an executor -> the DEALER that stands for it
        self.poller = zmq.Poller()
        self.poller.register(sys.stdin.fileno(), zmq.POLLIN)
        self.poller.register(self.front_bus, zmq.POLLIN)
        self.poller.register(self.front_control, zmq.POLLIN)

    def close(self):
        for socket in (self.front_bus, self.back_bus, self.front_control, *self.backs.values()):
            socket.close()
        self.due.clear()

    def cut(self, seconds):
        self.close()
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.storm:
            if zmq.select([sys.stdin.fileno()], [], [], max(0.0, end - time.monotonic()))[0]:
                self.obey()
        self.open()

    def later(self, seconds, send):
        heapq.heappush(self.due, (time.monotonic() + seconds, next(self.order), send))

    @staticmethod
    def send(socket, frames):
        try:
            socket.send_multipart(frames, zmq.DONTWAIT)
        except zmq.ZMQError:
            pass                                # nobody there, or its queue is full: lost, as in life

    def back(self, peer):
        if peer not in self.backs:
            dealer = self.socket(zmq.DEALER, reconnect_ivl=20, reconnect_ivl_max=200)
            dealer.connect(self.addresses[3])
            self.backs[peer] = dealer
            self.poller.register(dealer, zmq.POLLIN)
        return self.backs[peer]

    def carry(self, ready):
        if self.front_bus in ready:
            for frames in self.take(self.front_bus):
                self.bus.pass_on(lambda f=frames: self.send(self.back_bus, f))
        if self.front_control in ready:
            for peer, *frames in self.take(self.front_control):
                self.up.pass_on(lambda p=peer, f=frames: self.send(self.back(p), f))
        for peer, dealer in list(self.backs.items()):
            if dealer in ready:
                for frames in self.take(dealer):
                    self.down.pass_on(lambda p=peer, f=frames: self.send(self.front_control, [p, *f]))

    @staticmethod
    def take(socket, most=500):
        for _ in range(most):
            try:
                yield socket.recv_multipart(zmq.DONTWAIT)
            except zmq.ZMQError:
                return

    def obey(self):
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        self.storm = line.strip() == "storm"
        self.change_at = time.monotonic()
        print("ok", flush=True)

    def change(self):
        """What the next second or so is like; each direction has its own weather."""
        self.change_at = time.monotonic() + self.chance.uniform(0.3, 1.5)
        for line in (self.bus, self.up, self.down):
            line.weather = WEATHER[self.chance.choice(DAYS) if self.storm else "calm"]
        if self.storm and self.chance.random() < 0.25:
            self.cut(self.chance.uniform(0.0, 1.0))
        deaf = self.chance.random()
        if self.storm and deaf < 0.08:          # the control channel alone, until what is missing is given up:
            self.up.weather = WEATHER["silent"]     # of writers that are not known yet, or, longer, of those that are
            self.bus.weather = WEATHER[self.chance.choice(["breeze", "rough"])]
            self.change_at = time.monotonic() + (11 if deaf < 0.01 else 3.6)

    def run(self):
        print("ready", flush=True)
        while True:
            now = time.monotonic()
            if now >= self.change_at:
                self.change()
            until = min(self.change_at, self.due[0][0] if self.due else self.change_at)
            ready = dict(self.poller.poll(max(0, (until - time.monotonic()) * 1000)))
            if sys.stdin.fileno() in ready:
                self.obey()
            self.carry(ready)
            while self.due and self.due[0][0] <= time.monotonic():
                heapq.heappop(self.due)[2]()


if __name__ == "__main__":
    Proxy(sys.argv[1], *sys.argv[2:]).run()
