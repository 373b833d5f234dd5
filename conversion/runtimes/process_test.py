import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from conversion.runtimes.process import ROOT, Child
from training.student.errors import BadInput

PREAMBLE = """
import os, signal, sys, time, struct
sys.path.insert(0, {root!r})
from conversion.runtimes import messages
read = lambda size: bytearray(sys.stdin.buffer.read(size))
def reply(fields, arrays=()):
    for piece in messages.pack(fields, arrays):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
request, arrays = messages.unpack(read)
"""


@pytest.fixture
def child():
    """Starts a child that has read one request, and then runs a line of Python."""
    started = []

    def start(line, seconds=20.0):
        code = PREAMBLE.format(root=str(ROOT)) + line
        started.append(Child([sys.executable, "-c", code], "Runtime", seconds))
        return started[-1]

    yield start
    for one in started:
        one.end()


def is_running(pid):
    """Whether a process is there and not merely unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends_within(pid, seconds):
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=">f4").astype("f4").reshape(3, 4)[:, ::2],
        np.uint8(7),
        np.zeros((0, 3), "i8"),
        np.ones((2, 1), bool),
    ],
)
def test_arrays_come_back_as_they_went(child, array):
    fields, (found,) = child("reply({'verb': request['verb']}, arrays)").ask("file", "echo", [array])

    assert fields == {"verb": "echo"}
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_arrays_larger_than_a_pipe_go_through_while_the_child_chatters(child):
    array = np.arange(3_000_000, dtype="i4")

    chatter = "sys.stderr.write('x' * 300_000); sys.stderr.flush(); reply({}, arrays)"
    _, (found,) = child(chatter).ask("file", "echo", [array])

    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"])
def test_a_death_is_one_line_that_names_runtime_signal_and_file(child, name):
    line = f"import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), signal.{name})"
    with pytest.raises(BadInput, match=rf"^Runtime died \({name}\) on some/net.tflite: it is malformed[^\n]*$"):
        child(line).ask("some/net.tflite", "open")


def test_a_kill_speaks_of_memory(child):
    with pytest.raises(BadInput, match=r"^Runtime was killed \(SIGKILL\) on file: it takes more memory"):
        child("os.kill(os.getpid(), signal.SIGKILL)").ask("file", "open")


def test_the_last_telling_line_of_stderr_is_in_the_error(child):
    line = "sys.stderr.write('first\\nthe cause\\nINFO: chatter\\n\\n'); sys.stderr.flush(); os._exit(9)"
    with pytest.raises(BadInput, match=r"^Runtime ended \(exit code 9\) on file; it said: the cause$"):
        child(line).ask("file", "open")


def test_a_child_that_hangs_is_ended_at_its_limit(child):
    hanging = child("time.sleep(600)", seconds=1.5)

    began = time.monotonic()
    with pytest.raises(
        BadInput, match=r"^Runtime gave no answer on file within 1.5 s; .* POCKETMASK_RUNTIME_SECONDS=8"
    ):
        hanging.ask("file", "open")

    assert time.monotonic() - began < 10
    assert not hanging.is_alive
    with pytest.raises(BadInput, match="has ended on file before"):
        hanging.ask("file", "open")


@pytest.mark.parametrize(
    "written",
    [
        "b'\\x00' * 4096",
        "b'Segmentation fault in something or other\\n' * 9",
        "struct.pack('<4sQ', b'PMM1', 2**60)",
        "struct.pack('<4sQ', b'PMM1', 2) + b'[]'",
        "struct.pack('<4sQ', b'PMM1', 20000) + b'[' * 20000",
        *(
            f"struct.pack('<4sQ', b'PMM1', {len(text)}) + {text!r}"
            for text in (
                b'{"arrays": [["float32", [4611686018427387904, 4]]]}',
                b'{"arrays": [["float32", [-1]]]}',
                b'{"arrays": [["object", [1]]]}',
                b'{"arrays": [["O8", [1]]]}',
                b'{"arrays": [["uint8", [0, 9223372036854775808]]]}',
                b'{"arrays": [["uint8", [2147483649]]]}',
                b'{"arrays": 3}',
                b'{"arrays": [["uint8", ["x"]]]}',
            )
        ),
    ],
)
def test_garbage_is_refused_before_memory_is_taken_for_it(child, written):
    with pytest.raises(BadInput, match=r"^Runtime answered on file what cannot be read"):
        child(f"sys.stdout.buffer.write({written}); sys.stdout.flush(); time.sleep(600)").ask("file", "open")


def test_what_a_child_has_started_ends_with_it(child):
    asked = child("import subprocess; p = subprocess.Popen(['sleep', '600']); reply({'pid': p.pid}); time.sleep(600)")
    fields, _ = asked.ask("file", "open")

    asked.end()

    assert ends_within(fields["pid"], 5)


PARENT = """
import sys, signal, time
from pathlib import Path
from conversion.runtimes.isolated import IsolatedModel
model = IsolatedModel("litert", Path(sys.argv[1]))
try:
    print(model._child._process.pid, flush=True)
    while True:
        model.milliseconds()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def parent(small_tflite):
    """A process that runs a model in a child for ever, and the child's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(small_tflite)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process, int(process.stdout.readline())
    process.kill()
    process.communicate()


def test_a_child_ends_with_a_parent_that_is_killed(parent):
    process, pid = parent
    assert is_running(pid)

    process.kill()

    assert ends_within(pid, 5)


def test_ctrl_c_ends_both_without_a_word(parent):
    process, pid = parent

    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert said == ""
    assert ends_within(pid, 5)
