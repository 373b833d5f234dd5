"""Serves the page to this machine alone, and lets it fetch nothing from any other."""

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from conversion.demo.exhibits import Exhibits
from training.student.errors import BadInput

INSTALL = "pip install '.[demo]'"
MOST_BYTES = 40 * 2**20
"""Of an upload; a photo of a phone has less than 20 MB, and `read_photo` bounds its pixels."""

_HOST = "127.0.0.1"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
    # Gradio's page has scripts and styles in itself, and makes functions of its templates.
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


def serve(exhibits: Exhibits, examples: list[Path], port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until interrupted; uploads lie in a temporary folder that goes with it.

    Args:
        exhibits: What there is to show.
        examples: Photos to begin with.
        port: On the loopback address; 0 takes any that is free.
        ready: Is told the page's address once it can be opened.

    Raises:
        BadInput: Gradio is missing, or the port is taken.
    """
    listening = _listen(port)
    with listening, tempfile.TemporaryDirectory(prefix="pocketmask-demo-") as folder:
        # Read while Gradio is imported.
        os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
        application = _application(exhibits, examples, Path(folder))
        import uvicorn

        # An open page holds a connection for as long as it is open, which would keep Ctrl-C waiting.
        config = uvicorn.Config(application, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        ready(f"http://{_HOST}:{listening.getsockname()[1]}/")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def _application(exhibits: Exhibits, examples: list[Path], folder: Path) -> Any:
    try:
        import gradio as gr
        from fastapi import FastAPI
        from starlette.middleware.trustedhost import TrustedHostMiddleware
    except ImportError as error:
        raise BadInput(f"the demo needs Gradio, which is not installed: {INSTALL}") from error

    from conversion.demo.page import build, style

    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Another site's page could otherwise reach this one under a name of its own that points here.
    application.add_middleware(TrustedHostMiddleware, allowed_hosts=[_HOST, "localhost"])

    async def with_policy(request: Any, answer: Callable[[Any], Any]) -> Any:
        response = await answer(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    application.middleware("http")(with_policy)
    return gr.mount_gradio_app(
        application,
        build(exhibits, examples, folder),
        path="/",
        server_name=_HOST,
        max_file_size=MOST_BYTES,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=True,
        **style(),
    )


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
    except OSError as error:
        listening.close()
        raise BadInput(f"port {port} cannot be used ({error.strerror}); name another with --port, or 0") from error
    return listening
