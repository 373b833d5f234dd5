"""Stops every long command at random moments, and holds what is left against a list: docs/reliability.md.

    python parity_tests/kill_commands.py --times 20 --seed 1 [COMMAND]...

Each command runs on tiny inputs in a folder of its own, in a process that was forked from one which had imported
everything, so that most moments fall into its work and not into its imports. SIGTERM and SIGINT must end it with the
exit code 143 or 130 and a line that says how to go on, and leave no temporary file and no process. SIGKILL may leave
what is named `.pocketmask-…`, for which the next command looks, and no process. Then the same command must end well,
leave nothing of the kind, and have made what it makes undisturbed.
"""

import argparse
import atexit
import contextlib
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["OMP_NUM_THREADS"] = "1"

PREFIX = ".pocketmask-"
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}
GOES_ON = "the same command goes on from the last whole step"
PATIENCE = 15.0
"""Seconds within which every process of a stopped command must be gone."""

_TINY = (
    "encoder=tu-mobilenetv3_small_100 decoder=[16,16,8] height=64 width=64 batch=4 photos_per_epoch=1 "
    "validation=0.3 arithmetic=fp32"
)


@dataclass(frozen=True)
class Case:
    """A command to be stopped."""

    line: str
    """`training` or `conversion`, and its arguments."""
    needs: tuple[str, ...]
    """Inputs that are copied for it."""
    same: tuple[str, ...] = ()
    """Patterns of files that are the same to the byte, however often it was stopped; of others, the names are."""


_FIT = "training fit mobile --data pairs --run new epochs=4 learning_rate=0.01"

CASES: Mapping[str, Case] = {
    "render": Case("training render new --count 24", (), ("new/*/*",)),
    "label": Case(
        "training label photos --phrase coin --teacher classical --out new",
        ("photos",),
        ("new/masks/*", "new/photos/*"),
    ),
    "fit": Case(f"{_FIT} workers=0 {{tiny}}", ("pairs",), ("new/student.safetensors", "new/metrics.csv")),
    "fit, workers": Case(f"{_FIT} workers=2 {{tiny}}", ("pairs",), ("new/student.safetensors", "new/metrics.csv")),
    "teach": Case(
        "training teach mobile photos --phrase coin --run new epochs=2 learning_rate=0.01 workers=0 {tiny}",
        ("photos",),
        ("new/student.safetensors", "labelled/*/masks/*"),
    ),
    "tune": Case("training tune classical --data pairs --phrase coin --trials 5 --out new.yaml", ("pairs",)),
    "lr-find": Case("training lr-find mobile --data pairs --steps 20 --out new.png workers=0 {tiny}", ("pairs",)),
    "evaluate": Case("training evaluate run", ("pairs", "run")),
    "compare": Case("training compare run run --out new", ("pairs", "run")),
    "export": Case("conversion export run", ("pairs", "run"), ("run/export/*.onnx", "run/export/*.tflite")),
    "rehearse": Case("conversion rehearse mobile {tiny}", ()),
    "verify": Case("conversion verify run --photos 2", ("pairs", "exported")),
    "bench": Case("conversion bench run --repetitions 5", ("pairs", "exported")),
    "convert": Case("conversion convert net.onnx --to coreml --out new.mlpackage", ("net.onnx",)),
    "apply, photos": Case(
        "conversion apply student.tflite photos --effect mask --out new",
        ("student.tflite", "photos"),
        ("new/*.png",),
    ),
    "apply, video": Case(
        "conversion apply student.tflite clip.mp4 --effect mask --out new", ("student.tflite", "clip.mp4")
    ),
}


@dataclass
class Ending:
    """How one run of a command ended."""

    code: int
    """As `subprocess` has it: negative where a signal ended it."""
    error: str
    """What it said on standard error."""
    seconds: float
    left: set[str]
    """Names of hidden things that it left, below its folder or among temporary files."""
    strangers: set[str]
    """What it left among temporary files under other names."""
    processes: list[str]
    """Which processes it left."""
    stopped: bool = False
    """Whether the signal found it alive."""


@dataclass
class Tally:
    """What came of all stops of a command by one signal."""

    held: int = 0
    faults: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def run(line: str, folder: Path, stop: tuple[signal.Signals, float] | None = None) -> Ending:
    """Run a command line in a folder; with `stop`, send it a signal after so many seconds."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    error = folder / "stderr"
    error.touch()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"!")
        _become(line, folder, temporary, error)
    # A signal within the fork itself would find Python half made.
    os.read(reading, 1)
    for end in (reading, writing):
        os.close(end)
    began = time.monotonic()
    stopped = False
    if stop:
        number, after = stop
        time.sleep(max(0.0, began + after - time.monotonic()))
        stopped = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        os.kill(child, number)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - began
    deadline = time.monotonic() + PATIENCE
    while (processes := _session(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process.split()[0]), signal.SIGKILL)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob(f"{PREFIX}*")}
    strangers = {path.name for path in temporary.iterdir() if not path.name.startswith(PREFIX)}
    said = error.read_text(errors="replace")
    error.unlink()
    return Ending(os.waitstatus_to_exitcode(status), said, seconds, found, strangers, processes, stopped)


def _become(line: str, folder: Path, temporary: Path, error: Path) -> None:
    """Turn this forked process into a command, as a shell would start it."""
    os.setsid()
    os.chdir(folder)
    os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    for target, number in ((os.devnull, 0), (os.devnull, 1), (str(error), 2)):
        os.dup2(os.open(target, os.O_RDWR | os.O_CREAT), number)
    program, *words = line.format(tiny=_TINY).split()
    sys.argv = [program, *words]
    import conversion.__main__
    import training.__main__

    commands = {"training": training.__main__.main, "conversion": conversion.__main__.main}
    code = 0
    try:
        commands[program](words)
    except SystemExit as end:
        code = int(end.code or 0)
    except KeyboardInterrupt:
        # Before the command had begun.
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    # The end of a process, but for the seconds in which Python would take apart all that was imported.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


def _session(leader: int) -> list[str]:
    """The processes that a command started and left."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = path.read_text().rpartition(")")
            state, _, _, session = tail.split()[:4]
            if int(session) == leader and state != "Z":
                found.append(head.replace("(", ""))
    return found


def prepare(base: Path) -> None:
    """Make the inputs of all commands: rendered pairs, a student trained on them, its files, and a video."""
    import av
    import numpy as np

    for line in (
        "training render pairs --count 12",
        "training fit mobile --data pairs --run run epochs=2 learning_rate=0.01 workers=0 {tiny}",
    ):
        _must_end_well(line, run(line, base))
    shutil.copytree(base / "pairs" / "photos", base / "photos")
    shutil.copytree(base / "run", base / "exported")
    _must_end_well("conversion export exported", run("conversion export exported", base))
    shutil.copy(base / "exported" / "export" / "student-fp16.tflite", base / "student.tflite")
    shutil.copy(base / "exported" / "export" / "student.onnx", base / "net.onnx")
    with av.open(str(base / "clip.mp4"), "w") as made:
        stream = made.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(150):
            pixels = rng.integers(0, 255, (240, 320, 3), np.uint8)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        made.mux(stream.encode(None))


def _must_end_well(line: str, ending: Ending) -> None:
    if ending.code:
        raise SystemExit(f"{line} ended with {ending.code}: {ending.error}")


def fresh(case: Case, base: Path, folder: Path) -> None:
    """Give a command its inputs; where the run `exported` is asked for, it is called `run`."""
    folder.mkdir()
    for need in case.needs:
        source, target = base / need, folder / need.replace("exported", "run")
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    record = folder / "run" / "run.json"
    if record.is_file():
        record.write_text(record.read_text().replace(str(base / "pairs"), str(folder / "pairs")))


def results(case: Case, folder: Path) -> tuple[set[str], dict[str, str]]:
    """What a command made: the names of all files, and digests of those that are always the same."""
    files = {path for path in folder.rglob("*") if path.is_file() and "tmp" not in path.relative_to(folder).parts}
    same = {path for pattern in case.same for path in folder.glob(pattern)}
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in same}
    return {path.relative_to(folder).as_posix() for path in files}, digests


def faults(number: signal.Signals, ending: Ending) -> list[str]:
    """What a stopped command did wrong."""
    found = []
    # A signal may come before the command has said what to do with it.
    if ending.code not in (CODES[number], -number):
        found.append(f"exit code {ending.code}")
    if number != signal.SIGKILL and ending.code == CODES[number]:
        if GOES_ON not in ending.error.splitlines()[-1:][0] if ending.error.strip() else True:
            found.append(f"said {ending.error[-200:]!r}")
        if "Traceback" in ending.error:
            found.append(f"a traceback: {ending.error[-300:]!r}")
    if number != signal.SIGKILL and ending.left:
        found.append(f"left {sorted(ending.left)}")
    if ending.strangers:
        found.append(f"left {sorted(ending.strangers)} among temporary files")
    if ending.processes:
        found.append(f"left processes {ending.processes}")
    return found


def stop_command(
    name: str, times: int, numbers: Sequence[signal.Signals], rng: random.Random, base: Path
) -> dict[str, Tally]:
    """Stop one command `times` times by each signal, and run it again after each."""
    case = CASES[name]
    place = base / "work"
    fresh(case, base, place)
    whole = run(case.line, place)
    _must_end_well(case.line, whole)
    expected = results(case, place)
    shutil.rmtree(place)
    tallies = {}
    for number in numbers:
        tally = tallies[number.name] = Tally()
        done = 0
        while done < times:
            fresh(case, base, place)
            after = rng.uniform(0, whole.seconds)
            ending = run(case.line, place, (number, after))
            # One that ended well just then had done its work.
            if ending.stopped and (ending.code or ending.seconds - after > 1):
                done += 1
                found = faults(number, ending)
                tally.left.update(_kinds(ending.left))
                again = run(case.line, place)
                # What was complete when the signal came may not be made once more.
                if again.code and results(case, place) != expected:
                    found.append(f"then ended with {again.code}: {again.error[-300:]!r}")
                if again.left or again.strangers:
                    found.append(f"then left {sorted(again.left | again.strangers)}")
                if not again.code and results(case, place) != expected:
                    names, digests = results(case, place)
                    other = names ^ expected[0] or {key for key in digests if digests[key] != expected[1].get(key)}
                    found.append(f"then made something else: {sorted(other)}")
                tally.held += not found
                tally.faults += [
                    f"{name}, {number.name} after {after:.3f} of {whole.seconds:.1f} s: {one}" for one in found
                ]
            shutil.rmtree(place)
    return tallies


def _kinds(left: set[str]) -> set[str]:
    """Locks and temporary folders, told apart; those among temporary files as well."""
    return {
        "in TMPDIR" if path.startswith("tmp/") else "lock" if f"{PREFIX}lock" in path else "half a result"
        for path in left
    }


def main() -> None:
    """Stop the commands named, or all, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", help=", ".join(CASES))
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--signals", nargs="+", default=["TERM", "INT", "KILL"])
    given = parser.parse_args()
    numbers = [signal.Signals[f"SIG{name}"] for name in given.signals]
    print(f"seed {given.seed}", file=sys.stderr)
    print(f"| command | {' | '.join(number.name for number in numbers)} | left by SIGKILL |")
    print(f"|---|{'---|' * (len(numbers) + 1)}", flush=True)
    # What a shell starts in the background ignores Ctrl-C, and so would every fork.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    preload()
    # Not by `with`, which the forked processes would leave, too.
    base = Path(tempfile.mkdtemp()).resolve()
    prepare(base)
    wrong = []
    for name in given.commands or CASES:
        tallies = stop_command(name, given.times, numbers, random.Random(f"{given.seed} {name}"), base)
        cells = [f"{tally.held} of {given.times}" for tally in tallies.values()]
        left = [f"{kind} {count}" for tally in tallies.values() for kind, count in sorted(tally.left.items())]
        print(f"| {name} | {' | '.join(cells)} | {', '.join(left)} |", flush=True)
        for fault in [fault for tally in tallies.values() for fault in tally.faults]:
            print(fault, file=sys.stderr, flush=True)
            wrong.append(fault)
    shutil.rmtree(base)
    sys.exit(bool(wrong))


def preload() -> None:
    """Import what the commands import, so that a fork of this process is at work at once."""
    import training.__main__
    import training.evaluation.compare
    import training.evaluation.report
    import training.fit
    import training.lr_finder
    import training.teach
    import training.teacher.tuning  # noqa: F401


if __name__ == "__main__":
    main()
