"""The server as another user of this machine meets it, and as another page in the user's own browser does."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from conversion.demo import photos
from conversion.demo.models import open_models
from conversion.demo.page import Page
from conversion.demo.photos import KEPT_PHOTOS, MOST_BYTES
from conversion.demo.server import MOST_CONNECTIONS, PageServer, serve
from training.student.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
PHOTO = cv2.imencode(".png", np.full((72, 96, 3), 90, np.uint8))[1].tobytes()
ASKED = {
    "artefacts": ["onnx"],
    "effect": "mask",
    "background": "#204060",
    "foreground": [],
    "threshold": 100.0,
    "opening": 1,
    "magnification": 100,
}


@pytest.fixture
def private(tmp_path):
    """A photo of the user's, which no request may name."""
    path = tmp_path / "private.png"
    path.write_bytes(PHOTO)
    return path


@pytest.fixture
def server(run, private):
    """The page, served by this process."""
    page = Page(open_models(run), [private])
    with PageServer(("127.0.0.1", 0), page) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server, method, path, body=None, *, key=None, **headers):
    """Status and body of an answer; the key in the path is the right one unless another is given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/{server.key if key is None else key}/{path}", body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def give(server, encoded=PHOTO):
    return json.loads(ask(server, "POST", "photos", encoded)[1])


def cards(server, **asked):
    status, body = ask(server, "POST", "cards", json.dumps({**ASKED, **asked}))
    assert status == 200
    return [json.loads(line) for line in body.splitlines()]


def test_a_photo_becomes_cards_and_models_run_once(server, monkeypatch):
    key = give(server)["photo"]
    first = cards(server, photo=key, artefacts=["onnx", "tflite-fp32"])
    monkeypatch.setattr("conversion.demo.page.run_model", pytest.fail)
    again = cards(server, photo=key, artefacts=["onnx", "tflite-fp32"], effect="overlay")

    assert [one["html"].count("<figure") for one in first] == [1, 2]
    assert [one["html"].count("<figure") for one in again] == [2]
    example = json.loads(ask(server, "POST", "examples/0")[1])
    assert set(example) == {"photo"}


@pytest.mark.parametrize("key", ["", "x", "%E2%98%83", "A" * 32, ".."])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "page.js"), ("POST", "photos"), ("POST", "cards")])
def test_without_the_key_nothing_is_answered(server, method, path, key):
    assert ask(server, method, path, PHOTO if method == "POST" else None, key=key)[0] == 403
    assert server.key not in str(ask(server, method, path, key=key))


def test_keys_differ_and_are_long(run):
    page = Page(open_models(run), [])
    keys = set()
    for _ in range(8):
        with PageServer(("127.0.0.1", 0), page) as found:
            keys.add(found.key)
    assert len(keys) == 8
    assert min(map(len, keys)) >= 32


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1"},
        {"Host": "elsewhere.example"},
        {"Host": "127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
    ids=str,
)
def test_another_origin_is_refused_even_with_the_key(server, headers):
    assert ask(server, "POST", "photos", PHOTO, **headers)[0] == 403


def test_the_page_s_own_requests_and_links_to_it_are_answered(server):
    own = f"http://127.0.0.1:{server.server_port}"
    assert ask(server, "POST", "photos", PHOTO, Origin=own, Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(server, "GET", "", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200


def test_no_other_page_may_frame_load_or_learn_the_address(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", f"/{server.key}/")
    headers = connection.getresponse().headers
    connection.close()
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path", ["/dev/zero", "/dev/stdin", "/etc/passwd", "PRIVATE", "../server.py", "%2e%2e/server.py"]
)
def test_no_request_names_a_file(server, private, path):
    path = path.replace("PRIVATE", str(private))
    for method, route in (("GET", path), ("GET", f"file={path}"), ("POST", f"examples/{path}"), ("POST", path)):
        assert ask(server, method, route)[0] in (403, 404)
    assert (
        ask(server, "POST", "photos", path)[1]
        == json.dumps(
            {"fault": "this photo is not an image that can be read, expected JPEG, PNG or WebP; convert or remove it"}
        ).encode()
    )
    for name in ("photo", "background", "effect"):
        (found,) = cards(server, **{"photo": give(server)["photo"], name: path})
        assert set(found) == {"fault"}


@pytest.mark.parametrize(
    "change",
    [
        {"photo": "unknown"},
        {"photo": 3},
        {"artefacts": []},
        {"artefacts": [["onnx"]]},
        {"effect": "<script>"},
        {"foreground": ["nobody"]},
        {"threshold": "1"},
        {"threshold": 1e400},
        {"opening": 99999},
        {"opening": -1},
        {"magnification": 7},
        {"more": 1},
    ],
    ids=str,
)
def test_a_malformed_request_is_one_line(server, change):
    (found,) = cards(server, **{"photo": give(server)["photo"], **change})
    assert set(found) == {"fault"}
    assert "\n" not in found["fault"]


@pytest.mark.parametrize("body", [b"", b"[" * 60_000, b"{}", b"\xff", b"[]", b'{"photo":' + b"9" * 50_000 + b"}"])
def test_no_json_ends_the_server(server, body):
    status, answer = ask(server, "POST", "cards", body)
    assert (status, set(json.loads(answer))) == (200, {"fault"})
    assert "photo" in give(server)


def test_a_body_without_length_or_too_large_is_not_read(server):
    assert ask(server, "POST", "photos", None, Content_Length=str(MOST_BYTES + 1))[0] == 413
    assert ask(server, "POST", "photos", None, Content_Length="-1")[0] == 411
    assert ask(server, "POST", "photos", None, Content_Length="9" * 5000)[0] == 411
    assert ask(server, "POST", "photos", None, Content_Length="\u0662".encode())[0] == 411
    assert ask(server, "POST", "photos", None, Transfer_Encoding="chunked")[0] == 411


def test_twenty_uploads_at_once_leave_a_few_photos(server, monkeypatch):
    held, most, lock = [0], [0], threading.Lock()
    read = photos.read_photo

    def counted(*given):
        with lock:
            held[0] += 1
            most[0] = max(most[0], held[0])
        try:
            return read(*given)
        finally:
            with lock:
                held[0] -= 1

    monkeypatch.setattr(photos, "read_photo", counted)
    # A PNG may be followed by anything.
    large = PHOTO + bytes(8 * 2**20)
    with ThreadPoolExecutor(20) as pool:
        keys = [found["photo"] for found in pool.map(lambda _: give(server, large), range(20))]

    assert most == [1]
    kept = [key for key in keys if "html" in cards(server, photo=key)[0]]
    assert len(kept) == KEPT_PHOTOS
    gone = next(key for key in keys if key not in kept)
    assert cards(server, photo=gone) == [{"fault": "this photo is no longer kept; give it again"}]


def test_silent_connections_do_not_stop_the_page_for_good(server):
    silent = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(MOST_CONNECTIONS + 10)]
    # The last of them were closed at once.
    silent[-1].settimeout(10)
    assert silent[-1].recv(1) == b""
    for each in silent:
        each.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert ask(server, "GET", "")[0] == 200
            break
        except (ConnectionError, http.client.HTTPException):
            time.sleep(0.05)
    else:
        pytest.fail("the page is not served again")


def test_a_taken_port_ends_in_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match=r"cannot be used .* --port"):
            serve(Page(open_models(run), []), taken.getsockname()[1], print)


def test_it_ends_where_a_connection_was_not_yet_served(run):
    server = PageServer(("127.0.0.1", 0), Page(open_models(run), []))
    with socket.socket() as waiting:
        server._connections[threading.Thread()] = waiting

        server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_the_midst_of_work_and_leaves_no_upload(run, tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-m", "conversion", "demo", str(run.folder), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        try:
            _, _, host, key, _ = process.stdout.readline().split()[0].split("/")
            address = host.split(":")[0], int(host.split(":")[1])
            # A body that never ends, a request that never does, and a photo on its way through the models.
            half = f"POST /{key}/photos HTTP/1.0\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n1234".encode()
            hanging = [socket.create_connection(address) for _ in range(3)]
            hanging[0].sendall(half)
            hanging[1].sendall(half[:20])
            hanging[2].sendall(half.replace(b"1000", b"%d" % len(PHOTO)).replace(b"1234", PHOTO))
            process.send_signal(number)
            rest, _ = process.communicate(timeout=15)
        finally:
            process.kill()
            for each in hanging:
                each.close()
    code, words = {signal.SIGINT: (0, ""), signal.SIGTERM: (143, "stopped by SIGTERM; ")}[number]
    assert (process.returncode, rest[: len(words) or None]) == (code, words)
    assert rest.count("\n") == bool(words)
    # Libraries leave empty folders and their own marks there.
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PHOTO[:32] in path.read_bytes()]
    assert not list(tmp_path.glob("pocketmask*"))
