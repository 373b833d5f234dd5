"""Free memory and free disk space of this machine."""

import os
import shutil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Bytes of memory that could be used without swapping, within the limit of a container."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        # Not Linux: what is free is not to be had without another package, so half of all.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return min(found, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or `max`
        return found


def free_disk(folder: Path) -> int:
    """Bytes that may be written to the disk of `folder`."""
    return shutil.disk_usage(folder).free
