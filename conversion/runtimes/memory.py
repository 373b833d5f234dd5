"""How much memory work adds to this process at its peak, as Linux counts it; other systems are not measured."""

from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> int | None:
    """Forget this process's peak so far; its resident bytes now, None off Linux."""
    if not _CLEAR.exists():
        return None
    _CLEAR.write_text("5", encoding="utf-8")
    return _read_status("VmRSS:")


def peak_bytes() -> int:
    """The most that this process has held since `reset_peak`."""
    return _read_status("VmHWM:")


def _read_status(field: str) -> int:
    """Bytes."""
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
