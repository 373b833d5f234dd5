"""Serves the page to this machine only. The page cannot load anything from another machine."""

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from conversion.demo.models import DemoModels
from training.student.errors import BadInput

INSTALL = "pip install '.[demo]'"
MOST_BYTES = 40 * 2**20
"""The largest upload; a phone's photo has less than 20 MB, and `read_photo` limits its pixels."""

_HOST = "127.0.0.1"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
    # Gradio's page has inline scripts and styles, and compiles its templates to functions.
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


def serve(models: DemoModels, examples: list[Path], port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until interrupted. Uploads are in a temporary folder, which is deleted at the end.

    Args:
        models: The models to show.
        examples: Photos to start with.
        port: On the loopback address; 0 takes any free port.
        ready: Is called with the page's address once it can be opened.

    Raises:
        BadInput: Gradio is missing, or the port is taken.
    """
    listening = _listen(port)
    with listening, tempfile.TemporaryDirectory(prefix="pocketmask-demo-") as folder:
        # Gradio reads them while it is imported.
        os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
        application = _application(models, examples, Path(folder))
        import uvicorn

        # An open page keeps a connection, and without a limit Ctrl-C would wait for it.
        config = uvicorn.Config(application, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        ready(f"http://{_HOST}:{listening.getsockname()[1]}/")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def _application(models: DemoModels, examples: list[Path], folder: Path) -> Any:
    try:
        import gradio as gr
        from fastapi import FastAPI
        from starlette.middleware.trustedhost import TrustedHostMiddleware
    except ImportError as error:
        raise BadInput(f"the demo needs Gradio, which is not installed: {INSTALL}") from error

    from conversion.demo.page import build_page, page_style

    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Otherwise another site could reach this page through a host name that points here (DNS rebinding).
    application.add_middleware(TrustedHostMiddleware, allowed_hosts=[_HOST, "localhost"])

    async def with_policy(request: Any, call_next: Callable[[Any], Any]) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    application.middleware("http")(with_policy)
    return gr.mount_gradio_app(
        application,
        build_page(models, examples, folder),
        path="/",
        server_name=_HOST,
        max_file_size=MOST_BYTES,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=True,
        **page_style(),
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
