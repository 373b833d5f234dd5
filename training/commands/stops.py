"""What every command does around its work: ends as Ctrl-C would make it on SIGTERM, and leaves nothing in /tmp."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from training.student.temporary import remove_own, temporary_folder

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""From docker, systemd and SLURM; from a terminal that closes."""

_SAME = 1.0
"""Seconds within which a signal that comes again is the same stop: `timeout` and make both pass one on."""


class Stop:
    """The signal that stopped a command; None as long as none has."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._when = 0.0

    def receive(self, number: int, _: FrameType | None) -> None:
        """Unwind from wherever the main thread is, as Ctrl-C does, which every library knows.

        Raises:
            KeyboardInterrupt: Always, but for the same stop once more.
        """
        now = time.monotonic()
        if self.signal is None or now - self._when > _SAME:
            self.signal, self._when = signal.Signals(number), now
            raise KeyboardInterrupt


@contextmanager
def catch_signals() -> Iterator[Stop]:
    """Raise KeyboardInterrupt in the block on any of `SIGNALS`, unless the command was started to ignore it."""
    stop = Stop()
    # Elsewhere, Python gives no signal to anybody.
    is_main = threading.current_thread() is threading.main_thread()
    caught = [one for one in SIGNALS if is_main and signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, stop.receive) for one in caught}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def own_temporary_files() -> Iterator[None]:
    """Keep temporary files of the block, those of libraries and child processes included, in one folder of their own.

    It is deleted at the end; after a kill, by the next command. What a stop left elsewhere goes as well.
    """
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    try:
        with ExitStack() as stack:
            # Most commands need no temporary file; those that do will say that there is no room for it.
            with suppress(OSError):
                folder = stack.enter_context(temporary_folder(Path(tempfile.gettempdir())))
                tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
            yield
    finally:
        tempfile.tempdir = before
        os.environ.pop("TMPDIR", None)
        if variable is not None:
            os.environ["TMPDIR"] = variable
        remove_own()
