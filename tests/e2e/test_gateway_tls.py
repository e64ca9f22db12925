"""The same wire in TLS: nothing is lost in a flood, nothing is held by libwebsockets, and a viewer that stops still reads its code."""
import asyncio
import json
import socket
import ssl
import struct
import subprocess
import time
import urllib.request

import pytest

from fake_executor import FakeExecutor
from harness import Client, Gateway, assert_covers
from raw_ws import CLOSE, HANDSHAKE, TEXT, RawClient, frame
from test_gateway_bus import in_thread


class TlsGateway(Gateway):
    def __init__(self, build, folder, *options):
        self.certificate = folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                        folder / "key.pem", "-out", self.certificate], check=True, capture_output=True)
        super().__init__(build, folder, "--tls-cert", self.certificate, "--tls-key", folder / "key.pem", *options)

    def trust(self, *protocols):
        context = ssl.create_default_context(cafile=self.certificate)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def metric(self, name):
        with urllib.request.urlopen(self.url + "/metrics", context=self.trust()) as answer:
            return float(next(line.split()[1] for line in answer.read().decode().splitlines() if line.startswith(f"agentgate_{name} ")))


@pytest.fixture
def gateway(build_dir, run_dir):
    with TlsGateway(build_dir, run_dir, "--rate-limit", "0", "--stall-s", "4") as started:
        yield started


def test_a_flood_in_tls(gateway):
    """Events of all sizes, up to several writes each, to two viewers at once."""
    assert gateway.url.startswith("https://") and gateway.ws_url.startswith("wss://")

    async def scenario():
        async with Client(gateway.ws_url, ssl=gateway.trust()) as batch, Client(gateway.ws_url, ssl=gateway.trust()) as plain:
            await batch.send(type="subscribe", runId="r", batch=True)
            await plain.send(type="subscribe", workOrderId="W")
            for client in (batch, plain):
                await client.until(lambda m: m["type"] == "subscription_confirmed")
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                executor.started()
                for i in range(600):
                    executor.text("x" * (60000 if i % 50 == 0 else 4000 if i % 5 == 0 else 40))
                executor.completed()
                serving = in_thread(executor.serve_until, lambda: executor.acked == 602)
                await batch.until_ended("r")
                await plain.until_ended("r")
                await serving
            return batch, plain

    for client in asyncio.run(scenario()):
        assert_covers(client.events, "r", 602)
    assert gateway.metric("held_writes_total") == 0
    with urllib.request.urlopen(gateway.url + "/api/v1/runs/r/export", context=gateway.trust()) as answer:
        assert [json.loads(line)["seq"] for line in answer] == list(range(1, 603))


def test_only_http_1_1_is_offered(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port)) as link:
        with gateway.trust("h2", "http/1.1").wrap_socket(link, server_hostname="localhost") as wrapped:
            assert wrapped.selected_alpn_protocol() == "http/1.1"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:       # no TLS at all
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert b"200" not in link.recv(100)
        except ConnectionResetError:
            pass
    with urllib.request.urlopen(gateway.url + "/healthz", context=gateway.trust()) as answer:
        assert answer.status == 200


class TlsClient(RawClient):
    """With a small window, so that it is full soon."""

    def __init__(self, gateway):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        plain.connect(("127.0.0.1", gateway.port))
        plain.settimeout(20)
        self.link = gateway.trust().wrap_socket(plain, server_hostname="localhost")
        self.link.sendall(("GET /ws HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in HANDSHAKE.items()) + "\r\n").encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.link.recv(1)
        self.data = b""


def test_a_viewer_that_stops_reads_its_close_code(gateway):
    with TlsClient(gateway) as client, FakeExecutor(gateway, "r") as executor:
        client.send(frame(TEXT, b'{"type":"subscribe","runId":"r","batch":true}'))
        assert client.said()["type"] == "subscription_confirmed"
        executor.hello()
        executor.started()
        end = time.monotonic() + 30
        while gateway.metric("closed_slow_total") == 0:
            assert time.monotonic() < end
            executor.text("x" * 30000)
            executor.serve_one(20)
        told, opcode = [], None
        while opcode != CLOSE:
            opcode, data = client.receive()
            assert opcode is not None, "no close frame came"
            if opcode == TEXT and b'"backpressure"' in data[:30]:
                told.append(json.loads(data)["state"])
        assert data[:2] == struct.pack(">H", 4008) and told
