"""A TFLite model opened in LiteRT, quietly."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any


def open_interpreter(model: bytes, *, threads: int = 1, reference_kernels: bool = False) -> Any:
    """As `load_interpreter`, without what LiteRT says on stderr meanwhile."""
    with native_stderr_closed():
        return load_interpreter(model, threads=threads, reference_kernels=reference_kernels)


def load_interpreter(model: bytes, *, threads: int = 1, reference_kernels: bool = False) -> Any:
    """An `ai_edge_litert.interpreter.Interpreter` with its tensors allocated.

    Args:
        model: The flatbuffer.
        threads: For XNNPACK.
        reference_kernels: Take LiteRT's plain reference kernels and no delegate; its optimised ones where a model has
            an operator without a plain one, such as ELU, CEIL and ROUND.

    Raises:
        ValueError: LiteRT cannot load the model.
        RuntimeError: It cannot prepare it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def opened(kernels: OpResolverType) -> Any:
        return Interpreter(model_content=model, num_threads=threads, experimental_op_resolver_type=kernels)

    try:
        interpreter = opened(OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO)
    except ValueError as error:
        if not reference_kernels or "Didn't find op" not in str(error):
            raise
        interpreter = opened(OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def native_stderr_closed() -> Iterator[None]:
    """LiteRT's C++ announces every delegate on stderr, past Python, and offers no switch; errors still raise."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
