"""Serves the page to one person on this machine: whoever knows the key in its address.

Nothing that a request holds becomes a path, and nothing of it is written to disk. The page cannot load anything from
another machine.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import BoundedSemaphore, Thread, current_thread
from typing import Any

from conversion.demo.page import Page, answer_lines
from conversion.demo.photos import MOST_BYTES
from training.student.errors import BadInput, PocketmaskError

MOST_CONNECTIONS = 64
"""At once. A browser opens six."""

MOST_UPLOADS = 2
"""At once; others wait, so that they take no memory."""

SILENT_SECONDS = 30
"""How long a connection may be silent."""

STOP_SECONDS = 5
"""How long the end waits for a model that runs."""

_HOST = "127.0.0.1"
_MOST_REQUEST_BYTES = 2**16
_HERE = Path(__file__).parent
_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; media-src blob:; "
        # The cards' bars and swatches carry their width and colour.
        "style-src 'self'; style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # The address holds the key.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that is answered with an HTTP error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def serve(page: Page, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until interrupted.

    Args:
        page: The page. Its photos are in memory and end with the process.
        port: On the loopback address; 0 takes any free port.
        ready: Is called with the page's address once it can be opened. The address holds a key that cannot be guessed.

    Raises:
        BadInput: The port is taken.
    """
    with _listen(port, page) as server, suppress(KeyboardInterrupt):
        ready(f"http://{_HOST}:{server.server_port}/{server.key}/")
        server.serve_forever(poll_interval=0.2)


class PageServer(ThreadingHTTPServer):
    """A thread for each connection, up to `MOST_CONNECTIONS`. Closing it ends them all."""

    request_queue_size = MOST_CONNECTIONS

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        """Listen at the address, and invent the key."""
        self.page = page
        self.key = secrets.token_urlsafe(24)
        self.uploads = BoundedSemaphore(MOST_UPLOADS)
        self._connections: dict[Thread, socket] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; close a connection beyond the limit at once."""
        if len(self._connections) >= MOST_CONNECTIONS:
            self.shutdown_request(request)
            return
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Make room for the next connection at the end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.pop(current_thread())

    def server_close(self) -> None:
        """End all connections, and wait for what they do: no thread may be within a runtime while the process ends."""
        super().server_close()
        for connection in list(self._connections.values()):
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        for thread in list(self._connections):
            # Ctrl-C may have come before it was started.
            if thread.is_alive():
                thread.join(STOP_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that ends early is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = SILENT_SECONDS
    server_version, sys_version = "pocketmask", ""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def _answer(self, route: Callable[[str], None]) -> None:
        try:
            self._check_origin()
            key, _, rest = self.path.partition("?")[0].removeprefix("/").partition("/")
            if not secrets.compare_digest(key.encode(), self.server.key.encode()):
                raise Refused(403, "open the whole address that the command printed; it holds a key")
            route(rest)
        except Refused as refused:
            self._send("text/plain", [str(refused).encode()], refused.status)
        except PocketmaskError as error:
            self._send_json({"fault": str(error)})

    def _check_origin(self) -> None:
        """Refuse what another page sends, also one whose host name points here (DNS rebinding)."""
        hosts = [f"{host}:{self.server.server_port}" for host in (_HOST, "localhost")]
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if host not in hosts or origin not in (None, f"http://{host}"):
            raise Refused(403, "this request comes from another page")
        # Another port of this machine is the same site to a browser, and another origin.
        is_link = self.command == "GET" and self.headers.get("Sec-Fetch-Mode") == "navigate"
        if not is_link and self.headers.get("Sec-Fetch-Site") not in (None, "none", "same-origin"):
            raise Refused(403, "this request comes from another page")

    def _get(self, path: str) -> None:
        if path == "":
            self._send("text/html", [self.server.page.html().encode()])
        elif kind := _FILES.get(path):
            self._send(kind, [(_HERE / path).read_bytes()])
        else:
            raise Refused(404, "there is no such page")

    def _post(self, path: str) -> None:
        if path == "photos":
            with self.server.uploads:
                key = self.server.page.keep_photo(self._body(MOST_BYTES))
            self._send_json({"photo": key})
        elif path == "cards":
            cards = self.server.page.cards(self._body(_MOST_REQUEST_BYTES))
            self._send("application/x-ndjson", answer_lines(cards))
        elif example := re.fullmatch(r"examples/([0-9]{1,3})", path):
            self._send_json({"photo": self.server.page.keep_example(int(example[1]))})
        else:
            raise Refused(404, "there is no such page")

    def _body(self, most: int) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            raise Refused(411, "the length of the body is missing")
        if int(length) > most:
            raise Refused(413, f"this photo has more than {most // 2**20} MB")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refused(400, "the body ended early")
        return body

    def _send_json(self, answer: dict[str, str]) -> None:
        self._send("application/json", [json.dumps(answer).encode()])

    def _send(self, kind: str, parts: Iterable[bytes], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)


def _listen(port: int, page: Page) -> PageServer:
    try:
        return PageServer((_HOST, port), page)
    except OSError as error:
        raise BadInput(f"port {port} cannot be used ({error.strerror}); name another with --port, or 0") from error
