"""Pages, search, export, server-sent events, health, tokens, settings: over plain HTTP."""
import hashlib
import http.client
import json
import random
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

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
        seen += [e["seq"] for e in page["events"]]
        after = page["next"]
    assert seen == list(range(1, 251))
    assert get(gateway, "/api/v1/runs/r/events?after=250") == {"events": [], "next": None}
    assert len(get(gateway, "/api/v1/runs/r/events")["events"]) == 100


def test_pages_by_type(gateway, run):
    page = get(gateway, "/api/v1/runs/r/events?types=run_started,run_completed&limit=1000")
    assert [e["seq"] for e in page["events"]] == [1, 250] and page["next"] is None


def test_one_event(gateway, run):
    assert get(gateway, "/api/v1/runs/r/events/7")["content"] == "text 7 "
    assert problem(gateway, "/api/v1/runs/r/events/999") == 404


def test_export_is_json_lines_of_everything(gateway, run):
    _, headers, body = request(gateway, "/api/v1/runs/r/export")
    assert [json.loads(line)["seq"] for line in body.splitlines()] == list(range(1, 251))
    assert headers["transfer-encoding"] == "chunked"


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


def test_errors_are_problems(gateway, run):
    assert problem(gateway, "/api/v1/runs/none") == 404
    assert problem(gateway, "/api/v1/runs/none/events") == 404
    assert problem(gateway, "/api/v1/what") == 404
    assert problem(gateway, "/what") == 404
    for query in ("limit=0", "limit=1001", "limit=x", "after=-1", "after=x", "types=nonsense", "epoch=5"):
        assert problem(gateway, f"/api/v1/runs/r/events?{query}") == 400
    assert problem(gateway, "/api/v1/runs/r/search") == 400
    assert problem(gateway, "/api/v1/runs", "DELETE") == 405
    assert problem(gateway, "/api/v1/runs/r/cancel") == 405
    assert problem(gateway, "/healthz", "POST") == 405
    assert problem(gateway, "/ws") == 426
    assert problem(gateway, "/" + "x" * 2000) == 414
    assert problem(gateway, "/api/v1/runs", Origin="http://evil.example") == 403
    assert problem(gateway, "/api/v1/runs", Host="evil.example") == 403


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
    assert all(check["ok"] for check in get(gateway, "/readyz")["checks"].values())
    status, headers, body = request(gateway, "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in body.decode().splitlines():
        assert line.startswith("#") or (line.startswith("agentgate_") and float(line.split()[1]) >= 0)


def test_the_page_and_its_headers(gateway):
    status, headers, body = request(gateway, "/")
    assert status == 200 and b"<html" in body
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-cache"
    status, again, empty = request(gateway, "/", If_None_Match=headers["etag"])
    assert (status, empty) == (304, b"")
    for path in ("/api/v1/runs", "/nothing", "/healthz"):
        assert request(gateway, path)[1]["content-security-policy"] == CSP
    status, headers, body = request(gateway, "/", "HEAD")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 0


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
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while part := link.recv(65536):
            answer += part
        return answer


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
            if not line and record:
                return record.get("id"), record["event"], json.loads(record["data"])
            if line:
                name, value = line.split(": ", 1)
                record[name] = value


def test_a_stream_of_events_cut_at_random_ends_with_the_same(gateway):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    total = 1500

    def produce():
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            ready.set()
            for i in range(total - 2):
                executor.emit("agent_tool_call", toolUseId=str(i), tool="Bash", toolName="Bash", input={"n": i})
            executor.completed()
            executor.serve_until(lambda: executor.acked == total)

    ready = threading.Event()
    producer = threading.Thread(target=produce)
    producer.start()
    assert ready.wait(20)
    while request(gateway, "/api/v1/runs/r")[0] != 200:
        pass
    seqs, last, cuts = [], None, 0
    while not seqs or seqs[-1] != total:
        with EventStream(gateway, "/api/v1/runs/r/stream", last) as stream:
            for _ in range(chance.randrange(1, 80)):
                last_id, kind, data = stream.next()
                assert kind == data["type"] and kind != "gap"
                if last_id:
                    last = last_id
                    assert last_id.endswith(":%d" % data["seq"])
                    seqs.append(data["seq"])
                    if data["seq"] == total:
                        break
        cuts += 1
    producer.join()
    assert cuts >= 20
    assert seqs == list(range(1, total + 1))


def test_a_wrong_last_event_id_is_refused(gateway, run):
    for last in ("x", "1:2", "%016x:" % run.epoch, "%016x:5x" % run.epoch):
        assert problem(gateway, "/api/v1/runs/r/stream", Last_Event_ID=last) == 400


# Tokens and settings


def test_tokens(build_dir, run_dir):
    def line(token, *words):
        return " ".join([hashlib.sha256(token.encode()).hexdigest(), *words])

    tokens = run_dir / "tokens"
    tokens.write_text("\n".join(["# ours", line("all", "cancel"), line("some", "work-order=W")]) + "\n")
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


def test_a_second_gateway_is_kept_away(build_dir, run_dir, gateway):
    said = fails(build_dir, run_dir, "--bus", gateway.bus)
    assert "another gateway" in said and str(gateway.process.pid) in said
    said = fails(build_dir, run_dir, "--state-dir", run_dir / "gateway")
    assert "another gateway" in said
    assert get(gateway, "/healthz") == {"status": "ok"}


def test_check_config(build_dir):
    done = subprocess.run([build_dir / "agentgate-gateway", "--check-config", "--rate-limit", "7"], capture_output=True,
                          text=True, timeout=60, env={"AGENTGATE_STREAM_BATCH_MS": "250"}, check=True)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any(line.startswith("rate-limit = 7") and "flag" in line for line in lines)
    assert any(line.startswith("batch-ms = 250") and "environment" in line for line in lines)
