"""The one place that imports coremltools, and keeps it quiet."""

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType


@cache
def load_coremltools() -> ModuleType:
    """Coremltools, without its complaints about what we do not use.

    On import it reports that this torch was never tested with its torch front end, which we do not use, and, off
    macOS, once per class that `libcoremlpython` (the bridge to Core ML itself) is missing, which only predicting
    needs. Its sources also hold escapes that newer Pythons deprecate. Its errors still show.
    """
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("coremltools")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Around conversions: coremltools draws progress bars on stderr, with no option against it.

    It also leaves a folder of weights to the garbage collector, which removes it, but as an unclosed resource.
    """
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
