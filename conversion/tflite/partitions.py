"""How much of a TFLite model XNNPACK takes, as LiteRT itself lays it out.

Each partition is entered and left through copies and cannot be optimised across its border: a model that a phone
runs well is one partition with nothing outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conversion.tflite.interpreter import open_interpreter

_DELEGATE = "DELEGATE"


@dataclass(frozen=True, slots=True)
class Partitions:
    """What LiteRT's default delegate made of one model on this machine."""

    count: int
    """Runs of operators that XNNPACK executes as one."""
    outside: tuple[str, ...]
    """TFLite names of the operators left to the built-in kernels, in the order of execution."""

    @property
    def is_whole(self) -> bool:
        """Whether XNNPACK executes the model in one piece."""
        return self.count == 1 and not self.outside


def partitions(model: bytes) -> Partitions:
    """Load a model into LiteRT with its default XNNPACK delegate and count.

    Raises:
        ValueError: LiteRT cannot load the model.
    """
    return count_partitions(open_interpreter(model))


def count_partitions(interpreter: Any) -> Partitions:
    """The same of a model that LiteRT has opened."""
    # The operators that a delegate replaced stay in the list; those that replace them are appended.
    nodes = interpreter._get_ops_details()
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    producers = {int(tensor): i for i, node in enumerate(operators) for tensor in node["outputs"]}
    inside = set[int]().union(*(_replaced(delegate, operators, producers) for delegate in delegates))
    return Partitions(
        count=len(delegates),
        outside=tuple(node["op_name"] for i, node in enumerate(operators) if i not in inside),
    )


def _replaced(
    delegate: Mapping[str, Any], operators: Sequence[Mapping[str, Any]], producers: Mapping[int, int]
) -> set[int]:
    """The operators that lie between a delegate's inputs and its outputs."""
    given = {int(tensor) for tensor in delegate["inputs"]}
    found: set[int] = set()
    ahead = [int(tensor) for tensor in delegate["outputs"]]
    while ahead:
        tensor = ahead.pop()
        if tensor in given or tensor not in producers or producers[tensor] in found:
            continue
        found.add(producers[tensor])
        ahead.extend(int(source) for source in operators[producers[tensor]]["inputs"])
    return found
