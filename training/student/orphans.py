"""A worker process that ends with the process that started it, however that ends."""

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """End this process as soon as the one that started it by `multiprocessing` is gone; call it in the worker.

    A worker of a pool waits for work at a pipe whose other end it holds itself: it would wait for ever. Ctrl-C, which a
    terminal sends to every process, is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
