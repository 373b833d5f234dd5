"""The parent's end of a child process: started, asked, and ended, whatever becomes of it."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from conversion.runtimes import messages
from training.student.arrays import Array
from training.student.errors import BadInput, ConversionRefused

ROOT = Path(__file__).resolve().parents[2]
SECONDS = "POCKETMASK_RUNTIME_SECONDS"
"""The environment variable that says how long a runtime may take for one answer."""
_MOST_SAID = 2**16
"""Bytes of stderr that are kept."""
_GRACE = 5
"""Seconds that the system may take to bury a child."""
_OURS = {kind.__name__: kind for kind in (BadInput, ConversionRefused)}


class RuntimeFailed(RuntimeError):
    """What a runtime has raised in a child."""

    def __init__(self, text: str, kind: str) -> None:
        """With the name of the type that the runtime gave it."""
        super().__init__(text)
        self.kind = kind


class Child:
    """A child process that answers requests. It ends with this object, with the parent, and at its first fault."""

    def __init__(self, command: Sequence[str], name: str, seconds: float) -> None:
        """Start it.

        Args:
            command: It speaks `messages` on stdin and stdout, see `child`.
            name: Of the runtime, for errors.
            seconds: That it may take for one answer.
        """
        self.name, self._seconds = name, seconds
        self._said = b""
        # In a group of its own: Ctrl-C is for the parent, which then ends the child, and whatever that has started.
        self._process = process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
            process_group=0,
        )
        ends = process.stdin, process.stdout, process.stderr
        self._stdin, self._stdout, self._stderr = (end for end in ends if end is not None)
        os.set_blocking(self._stdin.fileno(), False)
        self._end = weakref.finalize(self, _end, process)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._end.alive

    def end(self) -> None:
        """End it, unless it has ended."""
        self._end()

    def ask(
        self, shown: str, verb: str, arrays: Sequence[Array] = (), **fields: Any
    ) -> tuple[dict[str, Any], list[Array]]:
        """The answer to a request: its fields, and its arrays.

        Args:
            shown: The file that the request is about, for errors.
            verb: Of `child`.
            arrays: Of the request.
            fields: Of the request.

        Raises:
            BadInput: The child has died, takes too long, or answers what is no message. It has ended then.
            PocketmaskError: As the child has raised it.
            RuntimeFailed: What else was raised in the child.
        """
        if not self.is_alive:
            raise BadInput(f"{self.name} has ended on {shown} before; open it again")
        request = messages.pack({"verb": verb, **fields}, arrays)
        until = time.monotonic() + self._seconds
        try:
            for piece in request:
                self._send(piece, until)
            reply, found = messages.unpack(lambda size: self._receive(size, until))
        except TimeoutError:
            self.end()
            raise BadInput(
                f"{self.name} gave no answer on {shown} within {self._seconds:g} s; it may be malformed, "
                f"or {SECONDS}={self._seconds * 5:.0f} lets it take longer"
            ) from None
        except messages.Garbled:
            self.end()
            raise BadInput(f"{self.name} answered on {shown} what cannot be read; it may be malformed") from None
        except (EOFError, BrokenPipeError):
            raise BadInput(self._obituary(shown)) from None
        except BaseException:  # interrupted halfway through a message: there is no going on
            self.end()
            raise
        if "error" in reply:
            text, kind = str(reply["error"]), str(reply.get("type"))
            raise _OURS[kind](text) if kind in _OURS else RuntimeFailed(text, kind)
        return reply, found

    def _send(self, piece: memoryview, until: float) -> None:
        while piece:
            self._wait(self._stdin, selectors.EVENT_WRITE, until)
            piece = piece[os.write(self._stdin.fileno(), piece) :]

    def _receive(self, size: int, until: float) -> bytearray:
        content = bytearray(size)
        rest = memoryview(content)
        while rest:
            self._wait(self._stdout, selectors.EVENT_READ, until)
            count = os.readv(self._stdout.fileno(), [rest])
            if count == 0:
                raise EOFError
            rest = rest[count:]
        return content

    def _wait(self, end: IO[bytes], event: int, until: float) -> None:
        """Until one end of a pipe is ready; stderr is emptied meanwhile, so that the child never waits for that."""
        with selectors.DefaultSelector() as selector:
            selector.register(end, event)
            selector.register(self._stderr, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(max(0, until - time.monotonic()))]
                if self._stderr in ready and not self._listen():
                    selector.unregister(self._stderr)
                if end in ready:
                    return
                if time.monotonic() > until:
                    raise TimeoutError

    def _listen(self) -> bool:
        """Take what is on stderr, where something must be; whether there can be more."""
        said = os.read(self._stderr.fileno(), _MOST_SAID)
        self._said = (self._said + said)[-_MOST_SAID:]
        return bool(said)

    def _obituary(self, shown: str) -> str:
        """What to say of a child that has closed its pipes."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        while self._listen():
            pass
        self.end()
        code = self._process.returncode
        if code >= 0:
            how, why = f"ended (exit code {code})", ""
        elif code == -signal.SIGKILL:
            how, why = "was killed (SIGKILL)", ": it takes more memory than there is, or somebody killed it"
        else:
            how, why = f"died ({signal.Signals(-code).name})", ": it is malformed, or takes more memory than it may"
        said = f"; it said: {self._last_words()}" if self._last_words() else ""
        return f"{self.name} {how} on {shown}{why}{said}"

    def _last_words(self) -> str:
        """The last line on stderr that is more than chatter, cut to what fits a message."""
        lines = [" ".join(line.split()) for line in self._said.decode(errors="replace").splitlines()]
        telling = [line for line in lines if line and not line.startswith(("INFO", "WARNING", "W0000"))]
        return "".join(character for character in (telling or [""])[-1][:200] if character.isprintable())


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child's group, bury it, and close its pipes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for end in (process.stdin, process.stdout, process.stderr):
        if end:
            end.close()
