"""The one place that imports coremltools, and keeps it quiet."""

import contextlib
import importlib
import io
import logging
import sys
import warnings
from collections.abc import Collection, Iterator
from functools import cache
from types import ModuleType

FRONT_ENDS = (
    *("executorch", "libsvm", "sklearn", "tensorflow", "torch", "torchao", "torchaudio", "torchvision"),
    *("transformers", "xgboost"),
)
"""What coremltools imports only to convert from it. We build programs directly, and these take most of its start."""


@cache
def load_coremltools() -> ModuleType:
    """Coremltools, without its complaints about what we do not use.

    Its front ends are left out (`FRONT_ENDS`). Off macOS it reports on import, once per class, that `libcoremlpython`
    (the bridge to Core ML itself) is missing, which only predicting needs. Its sources also hold escapes that newer
    Pythons deprecate. Its errors still show.
    """
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _hidden(FRONT_ENDS):
            return importlib.import_module("coremltools")


@contextlib.contextmanager
def _hidden(names: Collection[str]) -> Iterator[None]:
    """Let imports of these modules fail, as if they were not installed."""
    there = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # None is how Python spells it
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(there)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Around conversions: coremltools draws progress bars on stderr, with no option against it.

    It also leaves a folder of weights to the garbage collector, which removes it, but as an unclosed resource.
    """
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
