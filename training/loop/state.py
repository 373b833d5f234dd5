"""The state of an interrupted training on disk: tensors as safetensors, all else as JSON in the file's header.

Lightning's own format is a pickle, which can run code when it is loaded; this cannot.
"""

import json
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_safetensors
from torch import Tensor

from training.student.atomic_write import atomic_path
from training.student.bounded_read import brief, parse_json
from training.student.errors import BadInput, one_line

_KEY = "pocketmask.state"
_REMEDY = "delete it to train from the start"


class SafetensorsIO(CheckpointIO):
    """How Lightning saves and loads a training's state."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write it in one step.

        Raises:
            BadInput: The disk is full.
            TypeError: The state holds an object that only pickle could save.
        """
        tensors: dict[str, Tensor] = {}
        rest = json.dumps(_encode(checkpoint, tensors))
        with atomic_path(Path(path)) as temporary:
            # Not save_file: on a full disk that raises an error of its own, which nobody expects of a file.
            temporary.write_bytes(as_safetensors(tensors, metadata={_KEY: rest}))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read it back.

        Raises:
            BadInput: The file is damaged.
        """
        try:
            with safe_open(str(path), framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
                rest = parse_json(file.metadata()[_KEY], f"the state in {path}", _REMEDY, finite=False)
                checkpoint: dict[str, Any] = dict(_decode(rest, tensors))
        except (SafetensorError, OSError, LookupError, ValueError, TypeError, RecursionError) as error:
            raise BadInput(f"{path} is damaged: {brief(one_line(error))}; {_REMEDY}") from error
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete it."""
        Path(path).unlink(missing_ok=True)


# A dict is written as a list of pairs, since the optimiser's state has numbers for keys and JSON only strings.
def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[_encode(part, tensors) for part in item] for item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_encode(item, tensors) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"cannot save a {type(value).__name__} without pickle")


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "tuple" in value:
        return tuple(_decode(item, tensors) for item in value["tuple"])
    return {_decode(key, tensors): _decode(item, tensors) for key, item in value["items"]}
