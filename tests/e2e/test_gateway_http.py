"""Pages, search, export, server-sent events, health, tokens, settings: over plain HTTP."""
import hashlib
import http.client
import json
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import contract
from fake_executor import FakeExecutor
from harness import Gateway

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")


def request(gateway, path, method="GET", body=None, **headers):
    """Status, headers, body."""
    ask = urllib.request.Request(gateway.url + path, data=body, method=method,
                                 headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(ask, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def get(gateway, path, **headers):
    status, _, body = request(gateway, path, **headers)
    assert status == 200, body
    return json.loads(body)


def problem(gateway, path, method="GET", **headers):
    """The status of a problem, which must be well-formed."""
    status, answer, body = request(gateway, path, method, **headers)
    assert answer["content-type"] == "application/problem+json"
    document = json.loads(body)
    assert document["status"] == status and set(document) == {"type", "title", "status", "detail"}
    return status


@pytest.fixture
def run(gateway):
    """A run of 250 events, ended and committed."""
    with FakeExecutor(gateway, "r", "W") as executor:
        executor.hello()
        executor.started()
        for i in range(2, 250):
            executor.text(f"text {i} ")
        executor.completed()
        executor.serve_until(lambda: executor.acked == 250)
        yield executor


def test_pages_cover_the_run(gateway, run):
    seen, after = [], 0
    while after is not None:
        page = get(gateway, f"/api/v1/runs/r/events?after={after}&limit=100")
        assert 0 < len(page["events"]) <= 100
        for event in page["events"]:
            contract.check(event)
        seen += [e["seq"] for e in page["events"]]
        after = page["next"]
    assert seen == list(range(1, 251))
    assert get(gateway, "/api/v1/runs/r/events?after=250") == {"events": [], "next": None}
    assert len(get(gateway, "/api/v1/runs/r/events")["events"]) == 100


def test_pages_by_type(gateway, run):
    page = get(gateway, "/api/v1/runs/r/events?types=run_started,run_completed&limit=1000")
    assert [e["seq"] for e in page["events"]] == [1, 250] and page["next"] is None


@pytest.fixture
def long_run(gateway):
    """12,000 events, more than one turn of the gateway's loop may look at; from the store, and from the ring."""
    with FakeExecutor(gateway, "r", "W") as executor:
        executor.hello()
        executor.started()
        for i in range(2, 12000):
            executor.write("agent_error" if i % 3000 == 0 else "agent_output",
                           **({"message": str(i), "severity": "error", "source": "agent"} if i % 3000 == 0
                              else {"content": f"text {i} ", "kind": "text"}))
        executor.write("run_completed", durationMs=1, exitCode=0)
        executor.serve_until(lambda: executor.acked == 12000)
        yield executor


def test_a_page_of_a_long_run_is_whole(gateway, long_run):
    """Made in slices, told as one: what is looked for may stand at the very end."""
    path = "/api/v1/runs/r/events?limit=1000&types="
    assert [e["seq"] for e in get(gateway, path + "agent_error")["events"]] == [3000, 6000, 9000]
    assert [e["seq"] for e in get(gateway, path + "run_completed")["events"]] == [12000]
    assert get(gateway, path + "file_changed") == {"events": [], "next": None}
    page = get(gateway, "/api/v1/runs/r/events?limit=2&types=agent_error")
    assert [e["seq"] for e in page["events"]] == [3000, 6000] and page["next"] == 6000
    page = get(gateway, "/api/v1/runs/r/events?limit=1000&after=11000")
    assert [e["seq"] for e in page["events"]] == list(range(11001, 12001)) and page["next"] is None
    _, headers, body = request(gateway, "/api/v1/runs/r/export")
    assert [json.loads(line)["seq"] for line in body.splitlines()] == list(range(1, 12001))
    assert headers["transfer-encoding"] == "chunked"
    hits, after = [], 0
    while after is not None:
        page = get(gateway, f"/api/v1/runs/r/search?q=text%20119&after={after}")
        hits, after = hits + page["seqs"], page["next"]
    assert hits == [119, *range(1190, 1200), *range(11900, 12000)]
    head = talk(gateway, b"HEAD /api/v1/runs/r/export HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert head.endswith(b"\r\n\r\n") and b"transfer-encoding: chunked" in head


def test_the_list_holds_the_newest_runs(build_dir, run_dir):
    """In memory, and after a restart, when all is in the store alone. Of each run only the newest epoch counts."""
    newest = ["r1", "r0", "r4", "r3", "r2"]
    with Gateway(build_dir, run_dir) as gateway:
        for i in (0, 1, 2, 3, 4, 0, 1):
            with FakeExecutor(gateway, f"r{i}", "W") as executor:
                executor.hello()
                executor.started()
                executor.completed()
                executor.serve_until(lambda executor=executor: executor.acked == 2)
        assert [r["runId"] for r in get(gateway, "/api/v1/runs")["runs"]] == newest
        assert [r["runId"] for r in get(gateway, "/api/v1/runs?limit=3")["runs"]] == newest[:3]
    with Gateway(build_dir, run_dir) as gateway:
        for limit in (1, 2, 3, 5, 1000):
            runs = get(gateway, f"/api/v1/runs?limit={limit}")["runs"]
            assert [r["runId"] for r in runs] == newest[:limit]
            assert all(r["ended"]["exitCode"] == 0 and r["started"]["agent"] == "fake" for r in runs)


def test_one_event(gateway, run):
    assert get(gateway, "/api/v1/runs/r/events/7")["content"] == "text 7 "
    assert problem(gateway, "/api/v1/runs/r/events/999") == 404


def test_export_is_json_lines_of_everything(gateway, run):
    _, headers, body = request(gateway, "/api/v1/runs/r/export")
    assert [json.loads(line)["seq"] for line in body.splitlines()] == list(range(1, 251))
    assert headers["content-type"] == "application/jsonl"


def test_search_finds_what_is_there(gateway, run):
    assert get(gateway, "/api/v1/runs/r/search?q=text%2019")["seqs"] == [19, *range(190, 200)]
    assert get(gateway, "/api/v1/runs/r/search?q=TEXT%2019")["seqs"] == [19, *range(190, 200)], "in either case"
    assert get(gateway, "/api/v1/runs/r/search?q=nowhere") == {"seqs": [], "next": None}
    assert get(gateway, "/api/v1/runs/r/search?q=text%2019&after=190")["seqs"] == list(range(191, 200))


def test_runs(gateway, run):
    listed, = get(gateway, "/api/v1/runs")["runs"]
    assert listed == get(gateway, "/api/v1/runs/r")
    assert (listed["runId"], listed["workOrderId"], listed["stream"], listed["first"], listed["last"], listed["state"]) == \
        ("r", "W", "r", 1, 250, "ended")
    assert listed["epoch"] == "%016x" % run.epoch
    assert listed["started"]["agent"] == "fake" and listed["ended"]["exitCode"] == 0


def test_ids_with_odd_characters(gateway):
    name = "a/b %@ñ\"?"
    with FakeExecutor(gateway, name, "W/x") as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        path = "/api/v1/runs/" + urllib.parse.quote(name, safe="")
        assert get(gateway, path)["runId"] == name
        assert len(get(gateway, path + "/events")["events"]) == 1


@pytest.mark.parametrize("name", ["events", "x/events", "x/stream", "x/events/7", "a&b;c=d+e", "100%", "..x", ".hidden"])
def test_ids_that_look_like_paths(gateway, name):
    with FakeExecutor(gateway, name) as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        path = "/api/v1/runs/" + urllib.parse.quote(name, safe="")
        assert get(gateway, path)["runId"] == name
        assert [e["runId"] for e in get(gateway, path + "/events")["events"]] == [name]


def test_errors_are_problems(gateway, run):
    assert problem(gateway, "/api/v1/runs/none") == 404
    assert problem(gateway, "/api/v1/runs/none/events") == 404
    assert problem(gateway, "/api/v1/what") == 404
    assert problem(gateway, "/what") == 404
    for query in ("limit=0", "limit=1001", "limit=x", "limit=1e3", "limit=99999999999999999999", "after=-1", "after=x",
                  "after=18446744073709551615", "after=18446744073709551616", "types=nonsense", "types=run_started,,", "epoch=5"):
        assert problem(gateway, f"/api/v1/runs/r/events?{query}") == 400
    for query in ("limit=0", "limit=1001", "limit=x"):
        assert problem(gateway, f"/api/v1/runs?{query}") == 400
    assert problem(gateway, "/api/v1/runs/r/search") == 400
    assert problem(gateway, "/api/v1/runs/r/search?q=x&after=x") == 400
    assert problem(gateway, "/api/v1/runs/r/search?q=" + "x" * 1100) == 414
    assert problem(gateway, "/api/v1/runs/r/events?epoch=0000000000000001") == 404
    assert problem(gateway, "/api/v1/runs/r/events/0") == 404
    assert problem(gateway, "/api/v1/runs", "DELETE") == 405
    assert problem(gateway, "/api/v1/runs/r/cancel") == 405
    assert problem(gateway, "/healthz", "POST") == 405
    assert problem(gateway, "/ws") == 426
    assert problem(gateway, "/" + "x" * 2000) == 414
    assert problem(gateway, "/api/v1/runs", Origin="http://evil.example") == 403
    assert problem(gateway, "/api/v1/runs", Host="evil.example") == 403


def talk(gateway, data):
    """All that is answered until the gateway closes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
        link.sendall(data)
        answer = b""
        while part := link.recv(65536):
            answer += part
        return answer


HOST = b"Host: localhost\r\n"
NEXT = b"GET /api/v1/runs/none HTTP/1.1\r\n" + HOST + b"\r\n"      # 404: the connection is in step
LAST = b"GET /api/v1/runs/none HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
CANCEL = b"POST /api/v1/runs/r/cancel HTTP/1.1\r\n" + HOST
SECRET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"             # in a body: never answered
BY_THE_LETTER = {
    "pipelined": (NEXT * 3 + LAST, [404] * 4),
    "HEAD has no body": (b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + LAST, [200, 404]),
    "HEAD of an event stream ends": (b"HEAD /api/v1/runs/r/stream HTTP/1.1\r\n" + HOST + b"\r\n" + LAST, [200, 404]),
    "OPTIONS": (b"OPTIONS /api/v1/runs HTTP/1.1\r\n" + HOST + b"\r\n" + LAST, [204, 404]),
    "a body of GET is skipped": (b"GET /what HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET + LAST,
                                [404, 404]),
    "a body of PUT is skipped": (b"PUT /what HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET + LAST,
                                [405, 404]),
    "a body of POST is skipped": (CANCEL + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET + LAST, [409, 404]),
    "no body is no body": (CANCEL + b"\r\n", [409]),
    "chunks": (CANCEL + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SECRET) + SECRET + b"\r\n0\r\n\r\n" + NEXT, [411]),
    "chunks and a length": (CANCEL + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECRET, [411]),
    "two lengths": (CANCEL + b"Content-Length: 4\r\nContent-Length: 90\r\n\r\nabcd" + SECRET, [400]),
    "a length below zero": (CANCEL + b"Content-Length: -1\r\n\r\n" + SECRET, [400]),
    "a length that is none": (CANCEL + b"Content-Length: abc\r\n\r\n" + SECRET, [400]),
    "a length of 24 digits": (CANCEL + b"Content-Length: 999999999999999999999999\r\n\r\n" + SECRET, [413]),
    "a large body": (CANCEL + b"Content-Length: 200000\r\n\r\n" + b"x" * 200000, [413]),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n" + LAST, [400, 404]),
    "HTTP/1.0 needs none": (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
    "HTTP/1.0 is closed": (b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n" + NEXT, [200]),
    "an unknown method": (b"DANCE / HTTP/1.1\r\n" + HOST + b"\r\n", [501]),
    "CONNECT": (b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n", [501]),
    "a TLS greeting": (bytes.fromhex("16030100c8010000c40303") + bytes(190), [501]),
    "an offer of HTTP/2 is ignored": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
        b"AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n" + LAST, [200, 404]),
    "a long cookie": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Cookie: " + b"c" * 6000 + b"\r\n\r\n" + LAST, [200, 404]),
}


@pytest.fixture(scope="module")
def lasting(build_dir):
    """A gateway for many questions, and an ended run "r"."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
    with Gateway(build_dir, folder) as gateway, FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        executor.completed()
        executor.serve_until(lambda: executor.acked == 2)
        yield gateway
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", BY_THE_LETTER)
def test_http_by_the_letter(lasting, name):
    """What answers one connection gets, and that no body is ever taken for a request."""
    requests, expected = BY_THE_LETTER[name]
    answer = talk(lasting, requests)
    assert [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d+) ", answer)] == expected, answer
    for problem_text in re.findall(rb"\r\n\r\n(\{.*\})\n", answer):
        assert b"about:blank" in problem_text or b"status" in problem_text
    for code, length, body in re.findall(rb"HTTP/1\.1 (4\d\d|5\d\d) .*?content-length: (\d+).*?\r\n\r\n([^\n]*\n)", answer, re.S):
        assert len(body) == int(length) and json.loads(body)["status"] == int(code)


def test_a_client_that_waits_with_its_body_is_told_to_send_it(lasting):
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=20) as link:
        link.sendall(CANCEL + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert link.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"abc")
        assert link.recv(4096).startswith(b"HTTP/1.1 409 ")


def test_a_page_of_an_allowed_origin_may_ask_with_a_token(build_dir, run_dir):
    with Gateway(build_dir, run_dir, "--allow-origin", "https://board.example") as gateway:
        ours = {"Origin": "https://board.example"}
        status, headers, body = request(gateway, "/api/v1/runs", "OPTIONS", Access_Control_Request_Method="GET",
                                        Access_Control_Request_Headers="authorization", **ours)
        assert (status, body) == (204, b"") and "content-length" not in headers
        assert headers["access-control-allow-origin"] == "https://board.example"
        assert "authorization" in headers["access-control-allow-headers"].lower()
        assert headers["access-control-allow-methods"] == headers["allow"] == "GET, HEAD, OPTIONS"
        assert "Origin" in headers["vary"]
        assert request(gateway, "/api/v1/runs/r/cancel", "OPTIONS", **ours)[1]["allow"] == "POST, OPTIONS"
        assert request(gateway, "/api/v1/runs", **ours)[1]["access-control-allow-origin"] == "https://board.example"
        assert request(gateway, "/api/v1/runs", "OPTIONS", Origin="https://evil.example")[0] == 403
        assert request(gateway, "/api/v1/runs", "DELETE", **ours)[1]["allow"] == "GET, HEAD, OPTIONS"
        assert request(gateway, "/api/v1/runs/r/cancel", "PUT", **ours)[1]["allow"] == "POST, OPTIONS"


def test_whoever_is_slow_with_a_request_is_closed_after_ten_seconds(gateway):
    """A byte now and then is not enough: a request's head has 10 s, and so has its body."""
    heads = {"head": b"GET /healthz HTTP/1.1\r\n", "handshake": b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n",
             "body": CANCEL + b"Content-Length: 1000\r\n\r\n", "nothing": b""}
    lasted = {}

    def drip(name):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
            link.sendall(heads[name])
            link.settimeout(0.25)
            while time.monotonic() - began < 30:
                try:
                    if name != "nothing":
                        link.sendall(b"x")
                    if not link.recv(100):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        lasted[name] = time.monotonic() - began

    threads = [threading.Thread(target=drip, args=(name,)) for name in heads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(9 < seconds < 25 for seconds in lasted.values()), lasted
    assert get(gateway, "/healthz") == {"status": "ok"}


def test_one_address_cannot_take_all_sockets(build_dir, run_dir):
    """Idle ones count, too; others still come in."""
    with Gateway(build_dir, run_dir, "--max-connections", "40", "--max-per-address", "4") as gateway:
        def connect(address):
            return socket.create_connection(("127.0.0.1", gateway.port), timeout=20, source_address=(address, 0))

        idle = [connect("127.0.0.2") for _ in range(4 + 32)]
        with connect("127.0.0.2") as refused:
            try:
                assert refused.recv(1) == b""
            except ConnectionResetError:
                pass
        with connect("127.0.0.3") as other:
            other.sendall(SECRET)
            assert other.recv(100).startswith(b"HTTP/1.1 200")
        gateway.wait_stderr("CROWDED.*")
        for link in idle:
            link.close()
        while b"agentgate_turned_away_total 1\n" not in request(gateway, "/metrics")[2]:
            pass
        end = time.monotonic() + 20
        while time.monotonic() < end:       # the places are free again
            with connect("127.0.0.2") as again:
                again.sendall(SECRET)
                try:
                    if again.recv(100).startswith(b"HTTP/1.1 200"):
                        return
                except ConnectionResetError:
                    pass
        pytest.fail("its places were not given back")


def test_cancel(gateway, run):
    assert problem(gateway, "/api/v1/runs/r/cancel", "POST") == 409         # it has ended
    with FakeExecutor(gateway, "live") as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        assert problem(gateway, "/api/v1/runs/live/cancel", "POST", Origin="http://evil.example") == 403
        assert request(gateway, "/api/v1/runs/live/cancel", "POST")[0] == 202
        executor.serve_until(lambda: executor.cancelled)
        executor.cancelled = False
        assert request(gateway, "/api/v1/runs/live/cancel", "POST", body=b'{"why":"tired"}')[0] == 202
        executor.serve_until(lambda: executor.cancelled)


def test_health_and_metrics(gateway):
    assert get(gateway, "/healthz") == {"status": "ok"}
    end = 50
    while request(gateway, "/readyz")[0] != 200 and end:        # the first canary is on its way
        end -= 1
    checks = get(gateway, "/readyz")["checks"]
    assert checks == {name: {"ok": True} for name in ("bus", "canary", "store", "running")}
    status, headers, body = request(gateway, "/metrics")
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    check_metrics(body.decode())


def check_metrics(text):
    """The format of Prometheus, and its conventions (promtool says the same)."""
    families, seen = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, help_text = line[7:].split(" ", 1)
            assert name not in families and help_text.endswith(".")
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            families[name] = kind
            assert kind in ("counter", "gauge", "histogram")
            assert name.endswith("_total") == (kind == "counter"), name
        else:
            sample, labels, value = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"\\\n]*"\})? (\S+)', line).groups()
            family = re.sub("_(bucket|sum|count)$", "", sample) if families.get(name) == "histogram" else sample
            assert family == name, "samples stand under their family"
            assert (sample, labels) not in seen
            seen[sample, labels] = float(value)
            assert seen[sample, labels] >= 0
    assert text.endswith("\n")
    ages = [value for (sample, _), value in seen.items() if sample == "agentgate_event_age_seconds_bucket"]
    assert ages == sorted(ages) and ages[-1] == seen["agentgate_event_age_seconds_count", None]
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= set(families)
    return seen


def test_metrics_count_what_is_delivered(gateway):
    with FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        with EventStream(gateway, "/api/v1/runs/r/stream") as viewer:
            for i in range(20):
                executor.text(f"{i} ")
            while viewer.next()[1] != "agent_output":
                pass
            executor.completed()
            while viewer.next()[1] != "run_completed":
                pass
        seen = check_metrics(request(gateway, "/metrics")[2].decode())
    assert seen["agentgate_delivered_total", None] == 22 and seen["agentgate_events_total", None] == 22
    assert 0 < seen["agentgate_event_age_seconds_count", None] <= 22


def test_the_page_and_its_headers(gateway):
    status, headers, body = request(gateway, "/")
    assert status == 200 and b"<html" in body
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-cache"
    for tags in (headers["etag"], f'"other", W/{headers["etag"]}', "*"):
        status, again, empty = request(gateway, "/", If_None_Match=tags)
        assert (status, empty, again["etag"]) == (304, b"", headers["etag"])
    assert request(gateway, "/", If_None_Match='"other"')[0] == 200
    for accepts, encoding in (("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0, identity", None), ("identity", None)):
        packed = request(gateway, "/", Accept_Encoding=accepts)[1]
        assert packed["content-encoding"] == encoding and "Accept-Encoding" in packed["vary"]
        assert (packed["etag"] == headers["etag"]) == (encoding is None)
    for path in ("/api/v1/runs", "/nothing", "/healthz"):
        assert request(gateway, path)[1]["content-security-policy"] == CSP
    status, headers, body = request(gateway, "/", "HEAD")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 0


def test_the_page_brings_the_licences_of_its_parts(gateway):
    """MIT asks for its notice in all copies."""
    assert b'rel="license" href="licenses.txt"' in request(gateway, "/")[2]
    status, headers, body = request(gateway, "/licenses.txt")
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8"
    assert b"preact" in body and b"Permission is hereby granted" in body


def test_a_page_from_a_folder(build_dir, run_dir):
    page = run_dir / "page"
    page.mkdir()
    (page / "index.html").write_text("<html>mine")
    (run_dir / "secret").write_text("secret")
    (page / ".hidden").write_text("hidden")
    with Gateway(build_dir, run_dir, "--dashboard-dir", page) as gateway:
        assert request(gateway, "/")[2] == b"<html>mine"
        for path in ("/../secret", "/%2e%2e/secret", "/.hidden", "/..%2fsecret"):
            assert b"secret" not in request(gateway, path)[2] and b"hidden" != request(gateway, path)[2]


def raw(gateway, data):
    """Sends it and hangs up, whatever the gateway thinks of it."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
        try:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            while link.recv(65536):
                pass
        except OSError:
            pass


def test_hostile_requests_do_not_hurt(gateway):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    raw(gateway, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    raw(gateway, b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
    raw(gateway, b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n")
    raw(gateway, b"GET " + b"/x" * 5000 + b" HTTP/1.1\r\n\r\n")
    raw(gateway, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n")
    raw(gateway, b"POST /api/v1/runs/x/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(30):
        raw(gateway, chance.randbytes(chance.randrange(1, 300)))
    assert get(gateway, "/healthz") == {"status": "ok"}


# Server-sent events


class EventStream:
    """Reads records; cut by closing."""

    def __init__(self, gateway, path, last=None):
        self.link = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        self.link.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self.answer = self.link.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["content-type"] == "text/event-stream"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def next(self):
        """(id, event, data) of the next record."""
        record = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and "event" in record:
                contract.check(json.loads(record["data"]))
                return record.get("id"), record["event"], json.loads(record["data"])
            if not line:
                record = {}
            if line:
                name, value = line.split(": ", 1)
                record[name] = value


def records(data):
    """What a reader takes of a stream that may be cut anywhere: whole records, each as a dict of its lines."""
    for text in data.split(b"\n\n")[:-1]:
        record = dict(line.split(b": ", 1) for line in text.split(b"\n"))
        if b"data" in record:
            yield record


def test_curl_cut_at_50_random_points_ends_with_the_same(gateway):
    """Cut in the middle of records, while the run goes on and after its end; tests/page/sse.test.mjs does it to a browser."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    total, cuts = 3000, 50

    def curl(*words):
        return subprocess.Popen(["curl", "-sN", *words, gateway.url + "/api/v1/runs/r/stream"], stdout=subprocess.PIPE)

    with FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        stayed, ids, seqs = curl(), [], []
        for number in range(cuts + 1):
            if number < 30:                 # the run goes on for so long
                for i in range((total - 2) // 30 + 1):
                    if len(executor.journal) < total - 1:
                        executor.emit("agent_tool_call", toolUseId=str(i), tool="Bash", toolName="Bash", input={"n": i})
                if number == 29:
                    executor.completed()
                executor.serve_one(0)
            reader = curl(*(["-H", b"Last-Event-ID: " + ids[-1]] if ids else []))
            wanted = chance.randrange(1, 16000) if number < cuts else 1 << 30
            data = b""
            while len(data) < wanted and b"event: run_completed" not in data[:data.rfind(b"\n\n")]:
                part = reader.stdout.read1(min(65536, wanted - len(data)))
                assert part, "the gateway ended the stream"
                data += part
            reader.kill()
            reader.wait()
            reader.stdout.close()
            for record in records(data):
                assert b"id" in record or record[b"event"] in (b"stream_started", b"replay_complete", b"subscription_confirmed", b"heartbeat")
                if b"id" in record:
                    ids.append(record[b"id"])
                    seqs.append(json.loads(record[b"data"])["seq"])
                    assert record[b"id"] == b"%016x:%d" % (executor.epoch, seqs[-1])
        executor.serve_until(lambda: executor.acked == total)
        whole = b""
        while b"event: run_completed" not in whole[:whole.rfind(b"\n\n")]:
            whole += stayed.stdout.read1(65536)
        stayed.kill()
        stayed.wait()
        stayed.stdout.close()
    assert seqs == [json.loads(r[b"data"])["seq"] for r in records(whole) if b"id" in r] == list(range(1, total + 1))


def test_a_wrong_last_event_id_is_refused(gateway, run):
    for last in ("x", "1:2", "%016x:" % run.epoch, "%016x:5x" % run.epoch, "%016x:-5" % run.epoch, "%016x:" % run.epoch + "9" * 30):
        assert problem(gateway, "/api/v1/runs/r/stream", Last_Event_ID=last) == 400


# Tokens and settings


def test_tokens(build_dir, run_dir):
    def line(token, *words):
        return " ".join([hashlib.sha256(token.encode()).hexdigest(), *words])

    tokens = run_dir / "tokens"
    tokens.write_text("\n".join(["# ours", line("all", "cancel"), line("some", " - work-order=W"),
                                 line("other", "work-order=W#2  # not W")]) + "\n")
    with Gateway(build_dir, run_dir, "--token-file", tokens) as gateway, FakeExecutor(gateway, "r", "W") as mine, \
            FakeExecutor(gateway, "x", "X") as other:
        for executor in (mine, other):
            executor.hello()
            executor.started()
            executor.serve_until(lambda: executor.acked == 1)
        assert problem(gateway, "/api/v1/runs") == 401
        assert problem(gateway, "/api/v1/runs?token=wrong") == 401
        assert problem(gateway, "/metrics") == 401
        assert get(gateway, "/healthz") == {"status": "ok"}
        ids = [r["runId"] for r in get(gateway, "/api/v1/runs", Authorization="Bearer all")["runs"]]
        assert sorted(ids) == ["r", "x"]
        assert [r["runId"] for r in get(gateway, "/api/v1/runs?token=some")["runs"]] == ["r"]
        assert get(gateway, "/api/v1/runs?token=other")["runs"] == []
        assert problem(gateway, "/api/v1/runs/x/events?token=some") == 404
        assert problem(gateway, "/api/v1/runs/r/cancel?token=some", "POST") == 403
    bad = run_dir / "bad"
    bad.write_text("secret\n")
    assert "64 hex digits" in fails(build_dir, run_dir, "--token-file", bad)


def fails(build_dir, run_dir, *options, status=None):
    """What a gateway that does not start says."""
    words = [build_dir / "agentgate-gateway", "--listen", "127.0.0.1:0", "--bus", f"ipc://{run_dir}/b", "--control",
             f"ipc://{run_dir}/c", "--republish", "none", "--state-dir", run_dir / "s", *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and (status is None or done.returncode == status)
    return done.stderr


@pytest.mark.parametrize("options, expected", [
    (["--rate-limit", "-1"], "rate-limit"),
    (["--rate-limit", "many"], "many"),
    (["--store", "tape"], "sqlite|none"),
    (["--nonsense"], "nonsense"),
    (["word"], "only options are allowed"),
    (["--listen", "nowhere"], "HOST:PORT"),
    (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
    (["--listen", "0.0.0.0:0"], "--token-file"),
    (["--listen", "127.evil.example:0"], "--token-file"),
    (["--listen", "203.0.113.9:0", "--insecure"], "cannot listen on 203.0.113.9:0"),
    (["--bus", "tcp://0.0.0.0:*"], "curve"),
    (["--bus", "carrier-pigeon"], "carrier-pigeon"),
    (["--bus", "ipc:///" + "x" * 200], "107"),
    (["--tls-cert", "x"], "belong together"),
    (["--token-file", "/nonexistent"], "/nonexistent"),
    (["--curve-dir", "/nonexistent"], "/nonexistent"),
    (["--config", "/nonexistent"], "/nonexistent"),
], ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "")
def test_a_wrong_setting_stops_it_and_is_named(build_dir, run_dir, options, expected):
    said = fails(build_dir, run_dir, *options)
    assert expected.lower() in said.lower(), said
    assert said.startswith("agentgate-gateway: ")


def test_nothing_is_made_beside_an_endpoint_that_is_refused(build_dir, run_dir):
    name = "x" * 120
    assert "107" in fails(build_dir, run_dir, "--bus", f"ipc://{run_dir}/{name}")
    assert not list(run_dir.glob("x*"))


def test_a_second_gateway_is_kept_away(build_dir, run_dir, gateway):
    said = fails(build_dir, run_dir, "--bus", gateway.bus)
    assert "another gateway" in said and str(gateway.process.pid) in said
    said = fails(build_dir, run_dir, "--state-dir", run_dir / "gateway")
    assert "another gateway" in said
    assert get(gateway, "/healthz") == {"status": "ok"}


@pytest.mark.parametrize("options", [
    ["--listen", "0.0.0.0:0"], ["--listen", "nowhere"], ["--bus", "tcp://0.0.0.0:*"], ["--tls-cert", "x"],
    ["--tls-cert", "/nonexistent", "--tls-key", "/dev/null"], ["--token-file", "/nonexistent"], ["--curve-dir", "/nonexistent"],
], ids=" ".join)
def test_check_config_finds_what_would_not_start(build_dir, run_dir, options):
    """Before a restart an operator asks; and nothing is made or opened for the answer."""
    assert options[0] in fails(build_dir, run_dir, "--check-config", *options, status=2)
    assert not list(run_dir.iterdir())


def test_check_config(build_dir, run_dir):
    done = subprocess.run([build_dir / "agentgate-gateway", "--check-config", "--rate-limit", "7"], capture_output=True,
                          text=True, timeout=60, env={"HOME": str(run_dir), "AGENTGATE_STREAM_BATCH_MS": "250", "AGENTGATE_CONFIG": "/dev/null"}, check=True)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any(line.startswith("rate-limit = 7") and "flag" in line for line in lines)
    assert any(line.startswith("batch-ms = 250") and "environment" in line for line in lines)
    assert f"# state: {run_dir}/.local/state/agentgate" in lines and any(re.fullmatch("# bus: ipc://.*/bus", line) for line in lines)
