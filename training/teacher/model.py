"""A Hugging Face transformers network with its processor, on its device."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Literal

from training.device import teacher_device, this_machine
from training.student.arrays import Pixels
from training.student.errors import BadInput
from training.teacher.protocol import UnusableTeacher
from training.teacher.weights import Weights, first_line

Arithmetic = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture of transformers."""

    network: str
    """The network's class in transformers."""
    processor: str


class Model:
    """Loaded on first use: a job that only runs `decide` on cached findings needs no network."""

    def __init__(
        self, weights: Weights, architectures: Mapping[str, Architecture], device: str, arithmetic: Arithmetic = "fp32"
    ) -> None:
        """Loads nothing yet.

        Args:
            weights: The files of the network.
            architectures: The allowed architectures, by their `model_type` in transformers.
            device: A torch device; `auto` takes a GPU if there is one.
            arithmetic: Precision of weights and activations.
        """
        self.weights = weights
        self._architecture = architectures[weights.model_type]
        self._device = device
        self._arithmetic = arithmetic

    @cached_property
    def network(self) -> Any:
        """The network, ready to run.

        Raises:
            UnusableTeacher: The files are damaged or lack some of this architecture's weights, or there is no such
                device.
        """
        import torch
        import transformers

        device = resolve_device(self._device)
        origin, role = self.weights.origin, self.weights.role
        with _quietly():
            try:
                loaded, report = getattr(transformers, self._architecture.network).from_pretrained(
                    self.weights.folder,
                    use_safetensors=True,
                    local_files_only=True,
                    dtype=torch.float32 if self._arithmetic == "fp32" else torch.bfloat16,
                    output_loading_info=True,
                )
            except Exception as error:
                raise UnusableTeacher(f"cannot load the {role} from {origin}: {first_line(error)}") from error
        # transformers would fill missing tensors with random values and go on.
        if absent := sorted({*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])}):
            raise UnusableTeacher(
                f"{origin} has {len(absent)} tensors of the {role} missing or in another shape, the first is "
                f"{absent[0]}; expected the weights of a whole {self._architecture.network}"
            )
        return loaded.to(device).eval()

    @cached_property
    def processor(self) -> Any:
        """The processor that turns photos and texts into inputs, as configured by the authors of the weights.

        Raises:
            UnusableTeacher: Its files are missing or damaged.
        """
        import transformers

        with _quietly():
            try:
                return getattr(transformers, self._architecture.processor).from_pretrained(
                    self.weights.folder, local_files_only=True
                )
            except Exception as error:
                raise UnusableTeacher(
                    f"cannot read the {self.weights.role}'s processor: {first_line(error)}"
                ) from error

    def inputs(self, photo: Pixels) -> Any:
        """The processor's inputs for one (rows, columns, 3) RGB photo.

        Raises:
            BadInput: The photo is so narrow that its shorter side vanishes at the network's input size.
        """
        try:
            # Stated, since transformers would have to guess for a photo that is three pixels wide.
            return self.processor.image_processor(
                images=[photo], return_tensors="pt", input_data_format="channels_last"
            )
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            rows, columns = photo.shape[:2]
            raise BadInput(f"a photo of {rows} × {columns} pixels is too narrow for this teacher; crop it") from error

    def to_network(self, pixels: Any) -> Any:
        """Pixel values on the network's device and in its precision."""
        return pixels.to(self.network.device, self.network.dtype)


def resolve_device(name: str) -> Any:
    """The torch device of that name; `auto` is the GPU of this process, if there is one.

    Raises:
        UnusableTeacher: There is no such device.
    """
    import torch

    chosen = teacher_device(name, this_machine(), os.environ)
    try:
        return torch.zeros(1, device=chosen).device
    except (RuntimeError, AssertionError) as error:
        raise UnusableTeacher(f"device {chosen} cannot be used here: {first_line(error)}") from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress the progress bars and tables that transformers prints on loading."""
    logging: Any = import_module("transformers.utils.logging")
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()
