"""Temporary folders whose owner is known, so that what a killed process left can be told from what is being written.

Each holds a file that its process keeps locked (flock). The kernel lets go of the lock when the process ends, however
it ends: neither a process number that was used again nor another container of this machine can be mistaken for the
owner. Another machine may share the folder without sharing locks (NFS without a lock server, sshfs), and some file
systems have no locks. So the file also names the machine, and a folder of another one, or without a working lock, is
only removed when nothing in it has changed for a day.
"""

import contextlib
import fcntl
import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".pocketmask-"
OLD = "old"
"""Within a temporary folder: what stepped aside for the new, by its name; put back if the new never came."""

DAY = 86400.0
"""Seconds without a change after which a folder that no lock speaks for is taken for abandoned."""

_LOCK = "lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # one of a kernel: all its containers have the same

# A process's own: locked files, folders to remove before it ends, and folders that it has swept.
_LOCKED: set[int] = set()
OWN: set[Path] = set()
_SWEPT: set[Path] = set()


def _close_locked() -> None:
    for descriptor in _LOCKED:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _LOCKED.clear()
    OWN.clear()


# A forked worker may live on for a while after its parent was killed, and must not keep the parent's locks.
os.register_at_fork(after_in_child=_close_locked)


def lock(path: Path) -> int:
    """Lock a file, which is made where it is missing, write into it whose it is, and give its descriptor for `unlock`.

    Raises:
        BlockingIOError: Another process has locked it.
        OSError: It cannot be made, or its file system has no locks.
    """
    while True:
        descriptor = _try_lock(path, os.O_CREAT)
        # Who had it may have deleted it since it was opened; a file that nobody finds keeps nobody away.
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            # On a full disk it stays unsaid, and the lock is a lock all the same.
            with contextlib.suppress(OSError):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"{machine()} {os.getpid()}".encode())
            return descriptor
        unlock(descriptor)


def _try_lock(path: Path, flags: int = 0) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    _LOCKED.add(descriptor)
    return descriptor


def unlock(descriptor: int) -> None:
    """Let go of a locked file."""
    _LOCKED.discard(descriptor)
    with contextlib.suppress(OSError):
        os.close(descriptor)


def machine() -> str:
    """A name that all containers of this machine have, and no other machine has."""
    return _BOOT.read_text().strip() if _BOOT.exists() else platform.node()


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder in `parent`, deleted when the block ends; if the process is killed, by the next `sweep`.

    Raises:
        OSError: It cannot be made.
    """
    if parent.resolve() not in _SWEPT:
        sweep(parent)
    folder = parent / f"{PREFIX}{secrets.token_hex(4)}"
    descriptor = None
    try:
        OWN.add(folder)
        folder.mkdir(mode=0o700)
        # Without locks here, the day decides.
        with contextlib.suppress(OSError):
            descriptor = lock(folder / _LOCK)
        yield folder
    finally:
        remove(folder)
        if descriptor is not None:
            unlock(descriptor)


def remove(path: Path) -> None:
    """Delete a temporary folder, after putting back what stepped aside for a new file that never came; or a lock."""
    with contextlib.suppress(OSError):
        for old in (path / OLD).iterdir():
            if not os.path.lexists(path.parent / old.name):
                old.rename(path.parent / old.name)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    OWN.discard(path)


def remove_own() -> None:
    """Delete all temporary folders of this process: for its end, which a signal may have brought at any point."""
    for folder in list(OWN):
        remove(folder)


def sweep(parent: Path) -> None:
    """Delete what ended processes left in `parent`: temporary folders, and locks. What may not be deleted stays."""
    _SWEPT.add(parent.resolve())
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            # In a folder for everybody, such as /tmp, a link or another user's folder could lead anywhere.
            is_ours = entry.name.startswith(PREFIX) and not entry.is_symlink()
            if is_ours and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    locked = path / _LOCK if path.is_dir() else path
    descriptor = None
    is_abandoned = False
    try:
        descriptor = _try_lock(locked)
        is_abandoned = locked.read_text(errors="replace").startswith(machine())
    except BlockingIOError:
        return
    except FileNotFoundError:
        # Just made, or all but gone.
        with contextlib.suppress(OSError):
            path.rmdir()
    except OSError:
        pass
    try:
        if is_abandoned or time.time() - _last_change(path) > DAY:
            remove(path)
    finally:
        if descriptor is not None:
            unlock(descriptor)


def _last_change(path: Path) -> float:
    """When a file, or anything in a folder, last changed; now, where it cannot be told."""
    try:
        return max(each.lstat().st_mtime for each in (path, *path.rglob("*")))
    except OSError:
        return time.time()
