"""One function over many files, in threads: decoding releases Python's lock."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")


def thread_map(work: Callable[[T], R], items: Sequence[T], doing: str, unit: str) -> list[R]:
    """The results in order, with a progress bar; an error or Ctrl-C waits for what is at work, and begins no more.

    Args:
        work: Called in several threads at once.
        items: What it is called with.
        doing: What the progress bar says.
        unit: One item.
    """
    pool = ThreadPoolExecutor()
    try:
        return list(tqdm(pool.map(work, items), doing, len(items), unit=unit, leave=False, disable=None))
    finally:
        # Not as the pool's own `with` does, which ends all that was asked for.
        pool.shutdown(cancel_futures=True)
